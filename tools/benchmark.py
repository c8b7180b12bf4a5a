#!/usr/bin/env python
"""Speed of every step, as medians and ratios measured in turn in one run."""

import argparse
import importlib
import json
import pkgutil
import tempfile
import time
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

import torch

import benchmarks
from benchmarks import timing
from audiodet.files import write_text
from command_line import run_main

HELPERS = {"plain", "timing"}


def subjects() -> list[str]:
    """Modules of benchmarks: each has a run(args, folder), which prints and returns figures."""
    return [x.name for x in pkgutil.iter_modules(benchmarks.__path__) if x.name not in HELPERS]


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subject", nargs="?", default="rcrnn", choices=subjects())
    parser.add_argument(
        "--model", default="rcrnn_rare", help="rcrnn, detect, hours: a name; int8: name or file"
    )
    parser.add_argument("--batch-size", type=int, default=8, help="rcrnn: clips per batch (8)")
    parser.add_argument(
        "--weights", metavar="FILE", help="audiomask: trained R18 detector for the precision check"
    )
    parser.add_argument(
        "--files", type=int, default=200, help="30-s wavs of detect, mixtures of int8 (200)"
    )
    parser.add_argument(
        "--hours",
        type=float,
        nargs="+",
        default=[10.0],
        help="detect, gpu: of the long file, 0 for none; hours: of each (10)",
    )
    parser.add_argument(
        "--sound", type=float, default=1.0, help="hours: part of the file that is not silent (1)"
    )
    parser.add_argument(
        "--engine", default="auto", help="detect, hours: as of `audiodet detect` (auto)"
    )
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each item (9)")
    parser.add_argument("--threads", type=int, default=0, help="torch threads; 0: as torch chooses")
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="of this process instead of wall time, for a busy machine",
    )
    parser.add_argument("--device", default="auto", help="gpu: auto, cuda or cpu (auto)")
    parser.add_argument("--crops", type=int, default=16, help="gpu: crops of 8 s in a step (16)")
    parser.add_argument("--output", help="write the figures as JSON too")
    return parser.parse_args()


def main(args) -> None:
    """Measure one subject on this machine."""
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.cpu_time:
        timing.clock = time.process_time
    print(timing.machine())
    subject = importlib.import_module(f"benchmarks.{args.subject}")
    with tempfile.TemporaryDirectory() as folder:
        figures = subject.run(args, folder)
    if args.output:
        write_text(Path(args.output), json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    run_main(main, parse_args)
