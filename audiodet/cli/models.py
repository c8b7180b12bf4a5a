"""``audiodet models``: the models that ship."""

import argparse


def add_parser(commands) -> None:
    """Add ``audiodet models``."""
    parser = commands.add_parser(
        "models",
        help="the models that ship: labels, thresholds, sizes, licences, cards",
        description="List the models that ship with audiodet, or print the cards of some: what "
        "they learned from, their figures and limits.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="models whose cards are printed")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet models``."""
    from tabulate import tabulate

    from audiodet.model_zoo import about, names
    from audiodet.weights import find_card

    if args.names:
        for name in args.names:
            print(find_card(name).read_text(encoding="utf-8"))
        return 0
    rows = []
    for name in names():
        model = about(name)
        thresholds = [f"{label} {value:.3f}" for label, value in model.thresholds.items()]
        size = f"{model.bytes / 1e6:.1f} MB"
        rows.append([name, model.system, ", ".join(thresholds), size, model.licence, model.card])
    heads = ["model", "system", "labels and thresholds", "size", "licence", "card"]
    print(tabulate(rows, heads, disable_numparse=True, colalign=["left"] * len(heads)))
    print("\naudioset (527 labels) does not ship: docs/pretrained.md says where its file is.")
    return 0
