#!/usr/bin/env python
"""Train and score every row of a published table on its stand-in, beside the paper's figures."""
import argparse
import json
import sys
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

from audiodet.data.soundbank import soundbank_root
from audiodet.errors import AudiodetError
from audiodet.experiments.rcrnn import Options, rare_mini
from audiodet.experiments.rcrnn_tables import table1, table2, table3
from audiodet.files import write_text

REPOSITORY = Path(__file__).resolve().parents[1]
TABLES = {
    "rare-mini": rare_mini,
    "rcrnn-table1": table1,
    "rcrnn-table2": table2,
    "rcrnn-table3": table3,
}


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(TABLES))
    parser.add_argument("--output-dir", default="output/reproduce", metavar="DIR")
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--jobs", type=int, default=2, help="trainings side by side (2)")
    parser.add_argument(
        "--shipped", action="store_true", help="rare-mini: score the weights that ship, no training"
    )
    parser.add_argument("--opts", nargs="*", default=[], help="KEY VALUE pairs for all trainings")
    return parser.parse_args()


def main(args) -> None:
    """Print the table and keep it as JSON; trainings that are done are not repeated."""
    if args.name != "rcrnn-table2":
        soundbank_root()
    root = Path(args.output_dir).resolve()
    options = Options(
        root,
        REPOSITORY / "configs" / "rcrnn",
        args.jobs,
        tuple(args.folds),
        args.shipped,
        tuple(args.opts),
        ("INPUT.CACHE_DIR", str(root / "cache"), "DATALOADER.NUM_WORKERS", "1"),
    )
    report = TABLES[args.name](options)
    path = root / f"{args.name}{'-shipped' if args.shipped else ''}.json"
    write_text(path, json.dumps(report, indent=1, default=float) + "\n")
    print(f"\nfigures: {path}")


if __name__ == "__main__":
    try:
        main(parse_args())
    except AudiodetError as error:
        sys.exit(f"error: {error}")
