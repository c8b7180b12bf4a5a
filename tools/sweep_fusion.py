#!/usr/bin/env python
"""ER and F1 at every lambda of the fusion, from stored alpha and beta; no network runs.

Example, where only the verifier runs (RUN is the detector's alone):
    tools/sweep_fusion.py RUN --config-file configs/audiomask/R_18_small_fused.yaml
"""

import argparse
import json
import sys
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

from tabulate import tabulate

from audiodet.errors import AudiodetError
from audiodet.files import write_text
from papers.fusion_sweep import fuse_anew, sweep_run


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="OUTPUT_DIR of a run with MODEL.POSTPROCESSORS VerifierFusion")
    parser.add_argument("--config-file", metavar="FILE", help="fuse as this says, into OUTPUT_DIR")
    parser.add_argument("--opts", nargs="+", default=[], metavar="KEY VALUE", help="of that file")
    parser.add_argument(
        "--weights", type=float, nargs="+", default=[0.0, 0.25, 0.5, 0.75, 1.0], metavar="LAMBDA"
    )
    parser.add_argument("--fine", action="store_true", help="lambda in steps of 0.05")
    parser.add_argument("--output", metavar="FILE", help="write the figures as JSON too")
    return parser.parse_args()


def main(args) -> None:
    """One line per test set, window and lambda; thresholds from the run's validation clips."""
    weights = [i / 20 for i in range(21)] if args.fine else args.weights
    run = Path(args.run)
    if args.config_file:
        run = fuse_anew(run, args.config_file, args.opts)
    rows = sweep_run(run, weights)
    print(tabulate(rows, "keys", tablefmt="github", floatfmt=("", "", ".2f", ".2f", ".1f", ".1f")))
    if args.output:
        write_text(args.output, json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main(parse_args())
    except (AudiodetError, OSError) as error:
        sys.exit(f"error: {error}")
