#!/usr/bin/env python
"""Mix DCASE 2018 Task 2 events into Task 1 scenes, in the layout of Kong et al. 2019.

Example:
    tools/make_remix.py --scenes TUT-urban-acoustic-scenes-2018-development --events task2 \
        --out datasets/dcase2018_remix
"""

import argparse
import sys

import audiodet  # noqa: F401  makes detectron2 importable

from audiodet.data.datasets.dcase2018_remix import RATIOS
from audiodet.data.mixing.dcase2018 import MIXTURES, draw_mixtures, write_remix
from audiodet.errors import AudiodetError


def parse_args():
    """The command line."""
    summary, _, example = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", required=True, help="Task 1: folder with meta.csv and audio")
    parser.add_argument("--events", required=True, help="Task 2: with train.csv and audio_train")
    parser.add_argument("--out", required=True, help="the workspace, made when missing")
    parser.add_argument("--snr", type=int, nargs="+", default=list(RATIOS), help="in dB (20 10 0)")
    parser.add_argument("--count", type=int, default=MIXTURES, help="mixtures of each fold (2000)")
    return parser.parse_args()


def main(args) -> None:
    """Draw, mix and write."""
    mixtures = draw_mixtures(args.scenes, args.events, args.count)
    write_remix(mixtures, args.scenes, args.events, args.out, args.snr)
    print(args.out)


if __name__ == "__main__":
    try:
        main(parse_args())
    except AudiodetError as error:
        sys.exit(f"error: {error}")
