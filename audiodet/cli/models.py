"""``audiodet models``: the models that ship: labels, thresholds, sizes, licences, cards.

List the models that ship with audiodet, or print the cards of some: what they learned from, their
figures and limits.
"""

import argparse

from audiodet.cli.options import new_command


def add_parser(commands) -> None:
    """Add ``audiodet models``."""
    parser = new_command(commands, run, "models", __doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="models whose cards are printed")


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet models``."""
    from audiodet.model_zoo import about, names, without_torch
    from audiodet.weights import find_card

    if args.names:
        for name in args.names:
            print(find_card(name).read_text(encoding="utf-8"))
        return 0
    rows = []
    for name in names(exported=without_torch()):
        model = about(name)
        thresholds = [f"{label} {value:.3f}" for label, value in model.thresholds.items()]
        size = f"{model.bytes / 1e6:.1f} MB"
        rows.append([name, model.system, ", ".join(thresholds), size, model.licence, model.card])
    print(_table(["model", "system", "labels and thresholds", "size", "licence", "card"], rows))
    if without_torch():
        print("\nThe other models that ship need torch: pip install 'audiodet[train]'.")
        return 0
    print("\naudioset (527 labels) does not ship: docs/pretrained.md says where its file is.")
    return 0


def _table(heads: list[str], rows: list[list[str]]) -> str:
    """Left-aligned columns under their heads."""
    widths = [max(map(len, column)) for column in zip(heads, *rows)]
    lines = [heads, ["-" * width for width in widths], *rows]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths)] for line in lines]
    return "\n".join("  ".join(line).rstrip() for line in padded)
