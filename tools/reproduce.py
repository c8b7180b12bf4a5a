#!/usr/bin/env python
"""Train and score every row of a published table on its stand-in, beside the paper's figures."""

import argparse
import json
import os
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

from audiodet.data.mixing.soundbank import soundbank_root
from audiodet.errors import DataError
from audiodet.files import write_text
from command_line import run_main
from papers.engine import reproduce, show
from papers.pages import heading, kept, made_now, page_of, put
from papers.runs import Options
from papers.tables import detectors, load_tables

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def parse_args():
    """The command line."""
    tables = load_tables()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(tables))
    parser.add_argument("--output-dir", default="output/reproduce", metavar="DIR")
    parser.add_argument(
        "--folds", type=int, nargs="+", choices=range(4), help="0 1 2 3; of tfseg-table*: 0"
    )
    parser.add_argument("--jobs", type=int, default=2, help="trainings side by side (2)")
    parser.add_argument(
        "--shipped",
        action="store_true",
        help="R-CRNN on rare-mini: its weights that ship, no training",
    )
    known = detectors(tables)
    parser.add_argument(
        "--detectors",
        nargs="+",
        default=[],
        choices=known,
        metavar="NAME",
        help=f"audiomask-table*: only these of {', '.join(known)}",
    )
    parser.add_argument(
        "--stored", action="store_true", help="print DIR/NAME.json as it is; nothing is scored"
    )
    parser.add_argument(
        "--write", action="store_true", help="also put the table into its page of docs/papers"
    )
    parser.add_argument("--opts", nargs="*", default=[], help="KEY VALUE pairs for all trainings")
    args = parser.parse_args()
    if len(args.opts) % 2:
        parser.error(f"--opts {' '.join(args.opts)}: expected KEY VALUE pairs")
    return args


def main(args) -> None:
    """Print the table and keep it as JSON; trainings that are done are not repeated."""
    if args.name != "rcrnn-table2" and not args.stored:
        soundbank_root()  # ends here where there is none
    root = Path(args.output_dir).resolve()
    options = Options(
        root,
        CONFIGS,
        args.jobs,
        tuple(args.folds or ()),
        args.shipped,
        opts=dict(zip(args.opts[::2], args.opts[1::2])),
        cache={
            "INPUT.CACHE_DIR": root / "cache",
            "MODEL.PRETRAINED.CACHE_DIR": root / "maps",
            "DATALOADER.NUM_WORKERS": max(1, (os.cpu_count() or 1) // args.jobs),
        },
        detectors=tuple(args.detectors),
    )
    if args.write:
        page_of(args.name)  # ends here where there is none
    path = root / f"{args.name}{'-shipped' if args.shipped else ''}.json"
    with kept() as text:
        if args.stored:
            report = read_report(path)
            show(args.name, report, options)
        else:
            report = {**reproduce(args.name, options), "made": made_now()}
            write_text(path, json.dumps(report, indent=1, default=float) + "\n")
    print(f"\nfigures: {path}")
    if args.write:
        command = f"tools/reproduce.py {args.name}" + " --shipped" * args.shipped
        command += " ".join([" --folds", *map(str, args.folds)]) if args.folds else ""
        above = heading(path, report.get("made", {}), command)
        print(f"page: {put(args.name, above + text.getvalue())}")


def read_report(path: Path) -> dict:
    """The figures that an earlier run has left; DataError if there are none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}), expected an earlier report") from error


if __name__ == "__main__":
    run_main(main, parse_args)
