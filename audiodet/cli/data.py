"""``audiodet data``: labels of other programs in, what is wrong with a dataset, and splits."""

import argparse
import os
import sys
from collections.abc import Sequence

from audiodet.cli.options import new_command
from audiodet.errors import DataError
from audiodet.names import counted

SHOWN = 10  # errors that are printed; all are counted
LABELS = "label files or folders; labels.tsv:audio_folder; or a folder of recordings by class"
IMPORT = """import: labels of other programs into one table.

Read labels of any format (docs/labels.md), find their recordings, and write one tab-separated table
that every command takes.
"""
CHECK = """check: find what would make training on a dataset wrong.

Decode every recording and place every label; exit 1 when training on the data would be wrong.
Several splits are also checked against each other.
"""
SPLIT = """split: train, val and test tables from one.

Divide the recordings of a table, stratified by label; no recording and no group stands in two
tables.
"""


def add_parser(commands) -> None:
    """Add ``audiodet data`` and its own subcommands."""
    data = commands.add_parser(
        "data",
        help="datasets: import labels, check, split",
        description="Labelled recordings: one table of any labels, what is wrong, and splits.",
    )
    below = data.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_import(below)
    _add_check(below)
    _add_split(below)


def _add_import(below) -> None:
    parser = new_command(below, run_import, "import", IMPORT)
    parser.add_argument("inputs", nargs="+", metavar="IN", help=LABELS)
    parser.add_argument("-o", "--output", required=True, metavar="TSV", help="the table")
    parser.add_argument("--audio", metavar="DIR", help="folder of the recordings")
    parser.add_argument("--label-map", metavar="TSV", help="lines old<TAB>new; an empty new drops")
    parser.add_argument("--merge", action="store_true", help="join overlapping events of a label")
    parser.add_argument(
        "--columns",
        nargs="+",
        metavar="WHAT=NAME",
        help="event_label=species: where a guess is wrong",
    )
    parser.add_argument(
        "--whole-clips", action="store_true", help="of a folder per class: each is one whole event"
    )
    parser.add_argument(
        "--negatives", action="store_true", help="recordings without labels are without events"
    )


def _add_check(below) -> None:
    check = new_command(below, run_check, "check", CHECK)
    check.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a registered dataset, or name=labels.tsv:audio_folder",
    )
    check.add_argument("--tsv", metavar="FILE", help="labels of one's own dataset")
    check.add_argument("--audio", metavar="DIR", help="folder with the recordings of --tsv")
    check.add_argument("--labels", metavar="A,B", help="the labels that may occur")


def _add_split(below) -> None:
    parser = new_command(below, run_split, "split", SPLIT)
    parser.add_argument("labels", metavar="LABELS", help="a table, or labels of any format")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="train.tsv and so on")
    parser.add_argument(
        "--by",
        default="recording",
        metavar="COLUMN",
        help="what stays together: recording, folder, or a column of the table (%(default)s)",
    )
    parser.add_argument(
        "--fractions",
        nargs=3,
        type=float,
        default=(0.7, 0.15, 0.15),
        metavar=("TRAIN", "VAL", "TEST"),
        help="of the events (0.7 0.15 0.15)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the draw (%(default)s)"
    )


def run_import(args: argparse.Namespace) -> int:
    """Run ``audiodet data import``."""
    from audiodet.data.labels.describing import describe
    from audiodet.data.labels.edits import check_times, read_label_map
    from audiodet.data.labels.reading import read_labels
    from audiodet.data.labels.writing import write_table

    table = read_labels(
        args.inputs,
        args.audio,
        label_map=read_label_map(args.label_map) if args.label_map else None,
        merge=args.merge,
        columns=_columns(args.columns or ()),
        whole_clips=args.whole_clips,
        negatives=args.negatives,
    )
    if _has_recordings(table):
        check_times(table)
    for problem in table.problems[:SHOWN]:
        print(f"error: {problem}", file=sys.stderr)
    if table.problems:
        errors = counted(len(table.problems), "error")
        raise DataError(f"{args.output} is not written: {errors} in the labels")
    write_table(args.output, table)
    print("\n".join(describe(table)))
    print(f"{args.output}: file names are relative to {table.audio_dir or '.'}")
    return 0


def _has_recordings(table) -> bool:
    """Whether any recording is there; where none is, names as they are written must do."""
    from audiodet.audio.suffixes import is_recording

    names = list(table.clips())
    if any(os.path.isfile(table.recording(name)) for name in names):
        return True
    nameless = [name for name in names if not is_recording(name)]
    if nameless:
        raise DataError(f"{nameless[0]}: no recording of this name found, expected --audio FOLDER")
    table.notes.append("no recordings found: times are not checked; --audio says where they are")
    return False


def _columns(pairs: Sequence[str]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        what, equals, name = pair.partition("=")
        if not equals:
            raise DataError(f"--columns {pair}, expected WHAT=NAME, as event_label=species")
        columns[what] = name
    return columns


def run_split(args: argparse.Namespace) -> int:
    """Run ``audiodet data split``."""
    from audiodet.data.labels.describing import split_text
    from audiodet.data.labels.reading import read_labels
    from audiodet.data.labels.splitting import SPLITS, groups_of, split_recordings
    from audiodet.data.labels.writing import write_table

    columns = None if args.by in ("recording", "folder") else {"group": args.by}
    table = read_labels(args.labels, columns=columns).require_good()
    groups = groups_of(table, args.by)
    parts = dict(zip(SPLITS, split_recordings(table, args.fractions, groups, args.seed)))
    for name, part in parts.items():
        write_table(os.path.join(args.output, f"{name}.tsv"), part)
    print(split_text(parts, groups))
    return 0


def run_check(args: argparse.Namespace) -> int:
    """Run ``audiodet data check``."""
    if bool(args.tsv) != bool(args.audio):
        args.parser.error("--tsv and --audio belong together")
    if not args.names and not args.tsv:
        args.parser.error("nothing to check: give NAME or --tsv and --audio")
    from audiodet.data.labels.check import check_tsv
    from audiodet.data.labels.split_report import forgive_listed_elsewhere, format_reports

    labels = [label.strip() for label in args.labels.split(",")] if args.labels else None
    reports = [_check_name(name, labels) for name in args.names]
    if args.tsv:
        reports.append(check_tsv(args.tsv, args.audio, labels))
    forgive_listed_elsewhere(reports)
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
    from audiodet.names import spelled_alike

    if "=" in name:
        split, labels_tsv, audio_dir = parse_spec(name)
        return check_tsv(labels_tsv, audio_dir, labels, split)
    if name not in DatasetCatalog:
        known = spelled_alike(name, sound_datasets())
        raise DataError(
            f"{name}: no such dataset, expected one of {known}; or name=labels.tsv:audio_folder"
        )
    return check_dataset(name)
