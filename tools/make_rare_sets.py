#!/usr/bin/env python
"""Make the training and validation sets of R-CRNN and AudioMask out of the official download.

Example:
    tools/make_rare_sets.py DEVELOPMENT_SET/data/source_data datasets

Of each class, at the official ratios of -6, 0 and 6 dB: 5,000 clips with an event in half of them
(R-CRNN's pre-training), in 99 % (R-CRNN) and in all (AudioMask), and 1,000 validation clips with an
event in half and in all. They use the sources of "devtrain" alone, validation a tenth of them that
training does not use. Read as tut_rare_made_<label>_<set>.
"""

import argparse
import os

from audiodet.data.datasets.tut_rare import LABELS, MADE
from audiodet.data.mixing.rules import make_recipes
from audiodet.data.mixing.soundbank import hold_out, load_soundbank
from command_line import parser_of, run_main
from mixture_files import write_mixtures

HELD_OUT = 0.1  # share of source groups that validation takes
TRAINING = 5000  # clips of a label
VALIDATION = 1000


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    parser.add_argument("source", help="folder source_data of the development set, or a sound bank")
    parser.add_argument("out", help="root of the data sets, in which TUT-rare-made is made")
    parser.add_argument("--sets", nargs="+", choices=MADE, default=list(MADE))
    parser.add_argument("--count", type=int, default=TRAINING, help="training clips (5000)")
    parser.add_argument("--val-count", type=int, default=VALIDATION, help="validation clips (1000)")
    parser.add_argument("--seed", type=int, default=42)
    return parser.parse_args()


def make_sets(args: argparse.Namespace) -> list[str]:
    """Draw and write the sets; returns their folders."""
    bank = load_soundbank(args.source)
    fit, val = hold_out(bank.select(split="train"), HELD_OUT, args.seed)
    folders = []
    for number, made in enumerate(MADE):
        if made not in args.sets:
            continue
        is_val = made.endswith("_val")
        draw = {"n": args.val_count if is_val else args.count, "presence": MADE[made]}
        draw.update(seed=args.seed + number, name=f"mixture_{made}")
        recipes = []
        for label in LABELS:
            recipes += make_recipes(val if is_val else fit, label, **draw)
        target = os.path.join(args.out, "TUT-rare-made")
        folders.append(write_mixtures(recipes, target, bank.root, 24, made, draw))
    return folders


def main(args: argparse.Namespace) -> None:
    """Make the sets and say where they are."""
    print("\n".join(make_sets(args)))


if __name__ == "__main__":
    run_main(main, parse_args)
