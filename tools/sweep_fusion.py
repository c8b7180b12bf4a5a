#!/usr/bin/env python
"""ER and F1 at every lambda of the fusion, from stored alpha and beta; no network runs."""

import argparse
import json
import sys
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

from tabulate import tabulate

from audiodet.engine.setup import load_config
from audiodet.errors import AudiodetError
from audiodet.evaluation import Matching, load_clips, results, score_clips, tune_thresholds
from papers.fusion_sweep import sweep
from audiodet.files import write_text


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="OUTPUT_DIR of a run with MODEL.POSTPROCESSORS VerifierFusion")
    parser.add_argument(
        "--weights", type=float, nargs="+", default=[0.0, 0.25, 0.5, 0.75, 1.0], metavar="LAMBDA"
    )
    parser.add_argument("--fine", action="store_true", help="lambda in steps of 0.05")
    parser.add_argument("--output", metavar="FILE", help="write the figures as JSON too")
    return parser.parse_args()


def main(args) -> None:
    """One line per test set, window and lambda; thresholds from the run's validation clips.

    Labels, collar, and how thresholds are tuned are those of the run's own config.yaml.
    """
    run = Path(args.run)
    cfg = load_config(str(run / "config.yaml"))
    labels, best = list(cfg.DATASETS.LABELS), cfg.TEST.BEST_EVENT_PER_CLIP
    matching, test = Matching.from_config(cfg), cfg.TEST
    how = {"smoothing": test.TUNE_SMOOTHING, "common": test.TUNE_COMMON}
    validation = load_clips(run / "inference" / "validation.jsonl")
    tests = {p.parent.name: load_clips(p) for p in sorted(run.glob("inference/*/clips.jsonl"))}
    weights = [i / 20 for i in range(21)] if args.fine else args.weights
    rows = []
    tuned = {
        (window, weight): tune_thresholds(clips, labels, best, matching, **how)
        for window, weight, clips in sweep(validation, weights)
    }
    for name, clips in tests.items():
        for window, weight, fused in sweep(clips, weights):
            scores = score_clips(fused, labels, tuned[window, weight], best, matching)
            found = results(scores, n_bootstrap=0)
            rows.append([name, window, weight, found["ER"], found["F1"]])
    headers = ["test set", "window", "lambda", "ER", "F1 %"]
    print(tabulate(rows, headers, tablefmt="github", floatfmt=("", "", ".2f", ".2f", ".1f")))
    if args.output:
        write_text(
            args.output, json.dumps([dict(zip(headers, row)) for row in rows], indent=1) + "\n"
        )


if __name__ == "__main__":
    try:
        main(parse_args())
    except (AudiodetError, OSError) as error:
        sys.exit(f"error: {error}")
