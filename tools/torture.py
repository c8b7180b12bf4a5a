#!/usr/bin/env python
"""Kills, mutations, odd names, bad streams and sheer amounts: what is tried, and what goes wrong.

Prints a table of tries and failures by kind; exit code 1 where anything failed. The inputs that
failed, and the logs, stay in the folder of --output-dir. The same seed tries the same.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import audiodet  # noqa: F401  first

from tabulate import tabulate

from command_line import parser_of
from tortures.kills import kill_detect, kill_separate, kill_train
from tortures.recordings import mutate_recordings
from tortures.result import Result
from tortures.texts import mutate_texts
from tortures.whole import long_file, many_files, odd_names, standard_streams, with_ray

KINDS = {  # name: (function, how much, how much with --small)
    "detect": (kill_detect, 120, 4),
    "separate": (kill_separate, 40, 2),
    "train": (kill_train, 40, 2),
    "recordings": (mutate_recordings, 5000, 220),
    "texts": (mutate_texts, 3000, 140),
    "names": (odd_names, 1, 1),
    "streams": (standard_streams, 8, 1),
    "ray": (with_ray, 40, 0),
    "files": (many_files, 10_000, 50),
    "long": (long_file, 300, 0),
}


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)} (all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--small", action="store_true", help="a minute's worth of it")
    parser.add_argument("--output-dir", metavar="DIR", help="(a temporary folder)")
    args = parser.parse_args(argv)
    unknown = set(args.kinds) - set(KINDS)
    if unknown:
        parser.error(f"{', '.join(unknown)}: expected some of {', '.join(KINDS)}")
    return args


def torture(name: str, seed: int, small: bool, folder: Path) -> tuple[Result, float] | None:
    """One kind -> what it found, and its seconds; None where it has no small version."""
    function, much, little = KINDS[name]
    size = little if small else much
    if not size:
        return None
    began = time.monotonic()
    result = function(folder / name, random.Random(f"{seed} {name}"), size)
    return result, time.monotonic() - began


def main(argv=None) -> int:
    """Torture, print the table -> exit code."""
    args = parse_args(argv)
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # of multiprocessing on what was killed
    folder = Path(args.output_dir or tempfile.mkdtemp(prefix="audiodet_torture_")).resolve()
    rows = []
    failed = False
    for name in args.kinds or KINDS:
        (folder / name).mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder / name)
        found = torture(name, args.seed, args.small, folder)
        if not found:
            continue
        result, seconds = found
        rows.append(
            [result.kind, result.tries, len(result.failures), f"{seconds:.0f}", result.note]
        )
        for failure in result.failures[:10]:
            print(f"{result.kind}: {failure}", file=sys.stderr)
        failed = failed or bool(result.failures)
        if not result.failures:
            shutil.rmtree(folder / name, ignore_errors=True)
    print(tabulate(rows, ["kind", "tries", "failures", "s", ""], tablefmt="github"))
    if failed:
        print(f"what failed is in {folder}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
