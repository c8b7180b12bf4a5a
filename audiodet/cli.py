"""The ``audiodet`` command. A subcommand is one ``_add_*`` function and one ``_run_*``.

Exit codes: 0 done; 1 an error, or the check that was asked for failed; 2 wrong usage; 3 done, but
some inputs could not be used; 130 interrupted. Heavy modules are imported by the subcommand that
needs them.
"""

import argparse
import sys
from collections.abc import Sequence

from audiodet import __version__, detect_cli, separate_cli
from audiodet.errors import AudiodetError, DataError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (None: the process's own) and return its exit code."""
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except AudiodetError as error:
        line = " ".join(str(error).splitlines()).encode("utf-8", "backslashreplace").decode()
        print(f"error: {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="audiodet", description="Sound event detection.")
    parser.add_argument("--version", action="version", version=f"audiodet {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    detect_cli.add_detect(commands)
    detect_cli.add_stream(commands)
    separate_cli.add_separate(commands)
    _add_doctor(commands)
    _add_data(commands)
    return parser


def _add_doctor(commands) -> None:
    parser = commands.add_parser("doctor", help="say what is installed and how to mend the rest")
    parser.set_defaults(run=_run_doctor)


def _run_doctor(args: argparse.Namespace) -> int:
    from audiodet.doctor import main as doctor

    return doctor()


def _add_data(commands) -> None:
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
    check.set_defaults(run=_run_data_check, parser=check)


def _run_data_check(args: argparse.Namespace) -> int:
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
    from audiodet.data.datasets.common import parse_spec
    from audiodet.data.labels.check import check_dataset, check_tsv
    from audiodet.data.loader import sound_datasets

    if "=" in name:
        split, labels_tsv, audio_dir = parse_spec(name)
        return check_tsv(labels_tsv, audio_dir, labels, split)
    if name not in DatasetCatalog:
        known = ", ".join(sound_datasets())
        raise DataError(f"{name}: no such dataset, expected one of {known}")
    return check_dataset(name)


if __name__ == "__main__":
    sys.exit(main())
