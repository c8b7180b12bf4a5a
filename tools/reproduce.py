#!/usr/bin/env python
"""Train and score every row of a published table on its stand-in, beside the paper's figures."""

import argparse
import json
import sys
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

from audiodet.data.mixing.soundbank import soundbank_root
from audiodet.errors import AudiodetError
from papers import audiomask, polyphonic, polyphonic_sizes, segmentation, self_mask, systems
from papers.crowd import rare_crowd
from papers.pretrained import pretrained_rare
from papers.rcrnn import rare_mini
from papers.rcrnn_tables import table1, table2, table3
from papers.runs import Options
from audiodet.files import write_text

REPOSITORY = Path(__file__).resolve().parents[1]
TABLES = {
    "audiomask-table1": audiomask.table1,
    "audiomask-table2": audiomask.table2,
    "audiomask-table3": audiomask.table3,
    "audiomask-anchors": audiomask.anchors,
    "crnn-table2": polyphonic.table2,
    "crnn-table3": polyphonic.table3,
    "crnn-table4": polyphonic_sizes.table4,
    "crnn-figure4": polyphonic_sizes.figure4,
    "pretrained-rare": pretrained_rare,
    "rare-crowd": rare_crowd,
    "rare-mini": rare_mini,
    "rcrnn-table1": table1,
    "rcrnn-table2": table2,
    "rcrnn-table3": table3,
    "selfmask-table1": self_mask.table1,
    "systems": systems.systems,
    "tfseg-table2": segmentation.table2,
    "tfseg-table5": segmentation.table5,
    "tfseg-table6": segmentation.table6,
    "tfseg-table9": segmentation.table9,
}


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(TABLES))
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
    parser.add_argument(
        "--detectors",
        nargs="+",
        default=[],
        choices=sorted(audiomask.DETECTORS),
        metavar="NAME",
        help=f"audiomask-table*: only these of {', '.join(audiomask.DETECTORS)}",
    )
    parser.add_argument("--opts", nargs="*", default=[], help="KEY VALUE pairs for all trainings")
    return parser.parse_args()


def main(args) -> None:
    """Print the table and keep it as JSON; trainings that are done are not repeated."""
    if args.name != "rcrnn-table2":
        soundbank_root()
    root = Path(args.output_dir).resolve()
    folds = args.folds or ([0] if args.name.startswith("tfseg") else [0, 1, 2, 3])
    options = Options(
        root,
        REPOSITORY / "configs",
        args.jobs,
        tuple(folds),
        args.shipped,
        tuple(args.opts),
        ("INPUT.CACHE_DIR", str(root / "cache"), "DATALOADER.NUM_WORKERS", "1"),
        tuple(args.detectors),
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
