"""``audiodet data check``: find what would make training on a dataset wrong."""

import argparse
from collections.abc import Sequence

from audiodet.errors import DataError


def add_parser(commands) -> None:
    """Add ``audiodet data`` and its own subcommands."""
    data = commands.add_parser("data", help="datasets")
    check = data.add_subparsers(title="commands", required=True, metavar="COMMAND").add_parser(
        "check",
        help="find what would make training on a dataset wrong",
        description="Decode every recording and place every label; exit 1 when training on the "
        "data would be wrong. Several splits are also checked against each other.",
    )
    check.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a registered dataset, or name=labels.tsv:audio_folder",
    )
    check.add_argument("--tsv", metavar="FILE", help="label table of one's own dataset")
    check.add_argument("--audio", metavar="DIR", help="folder with the recordings of --tsv")
    check.add_argument("--labels", metavar="A,B", help="the labels that may occur")
    check.set_defaults(run=run_check, parser=check)


def run_check(args: argparse.Namespace) -> int:
    """Run ``audiodet data check``."""
    if bool(args.tsv) != bool(args.audio):
        args.parser.error("--tsv and --audio belong together")
    if not args.names and not args.tsv:
        args.parser.error("nothing to check: give NAME or --tsv and --audio")
    from audiodet.data.labels.check import check_tsv
    from audiodet.data.labels.split_report import format_reports

    labels = [label.strip() for label in args.labels.split(",")] if args.labels else None
    reports = [_check_name(name, labels) for name in args.names]
    if args.tsv:
        reports.append(check_tsv(args.tsv, args.audio, labels))
    text, sound = format_reports(reports)
    print(text)
    return 0 if sound else 1


def _check_name(name: str, labels: Sequence[str] | None):
    """Report of a registered dataset or of a "name=labels.tsv:audio_folder"."""
    from detectron2.data import DatasetCatalog

    from audiodet.data import datasets  # noqa: F401  registers the built-in datasets
    from audiodet.data.datasets import parse_spec
    from audiodet.data.labels.check import check_dataset, check_tsv
    from audiodet.data.loader import sound_datasets

    if "=" in name:
        split, labels_tsv, audio_dir = parse_spec(name)
        return check_tsv(labels_tsv, audio_dir, labels, split)
    if name not in DatasetCatalog:
        known = ", ".join(sound_datasets())
        raise DataError(f"{name}: no such dataset, expected one of {known}")
    return check_dataset(name)
