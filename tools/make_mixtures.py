#!/usr/bin/env python
"""Mix isolated events into backgrounds and write a data set in the layout of TUT rare sound events.

Examples:
    tools/make_mixtures.py --soundbank BANK --out datasets/my-mixtures --set devtrain --count 500
    tools/make_mixtures.py --synthetic --out /tmp/mixtures --count 20 --duration 10
"""
import argparse
import os
import sys

from audiodet.data.mixture_files import SUBTYPES, write_mixtures
from audiodet.data.mixtures import make_recipes
from audiodet.data.soundbank import load_soundbank, soundbank_root
from audiodet.data.synthetic_bank import write_synthetic_bank
from audiodet.errors import AudiodetError, DataError

SPLIT_OF_SET = {"devtrain": "train", "devtest": "val"}  # sources that a set may use


def get_parser() -> argparse.ArgumentParser:
    summary, _, examples = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    bank = parser.add_mutually_exclusive_group()
    bank.add_argument("--soundbank", default="", help="folder (default: $AUDIODET_SOUNDBANK)")
    bank.add_argument(
        "--synthetic", action="store_true", help="make and use the procedural bank (not real sound)"
    )
    parser.add_argument("--out", required=True, help="folder of the data set, made when missing")
    parser.add_argument(
        "--set",
        default="devtrain",
        help='devtrain takes sources of split "train", devtest of "val", another name of both',
    )
    parser.add_argument("--classes", nargs="+", help="event labels (default: all of the bank)")
    parser.add_argument("--count", type=int, default=500, help="mixtures of each class")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--presence", type=float, default=0.5, help="share with the event")
    parser.add_argument("--ebrs", type=float, nargs="+", default=[-6, 0, 6], help="in dB")
    parser.add_argument("--duration", type=float, default=30.0, help="of a mixture, in seconds")
    parser.add_argument("--distractors", type=int, default=0, help="in every mixture")
    parser.add_argument("--bits", choices=list(SUBTYPES), default="24")
    return parser


def make_mixtures(args: argparse.Namespace) -> str:
    """Draw and write the mixtures; returns the folder that holds them."""
    if args.count < 1 or args.duration <= 0:
        raise DataError(
            f"--count {args.count} --duration {args.duration}, expected both above zero"
        )
    if args.synthetic:
        root = write_synthetic_bank(os.path.join(args.out, "synthetic_bank"), seed=args.seed)
    else:
        root = soundbank_root(args.soundbank)
    bank = load_soundbank(root)
    clips = bank.select(split=SPLIT_OF_SET.get(args.set))
    drawn = ("presence", "ebrs", "duration", "distractors")
    settings = {key: getattr(args, key) for key in drawn}
    recipes = [
        recipe
        for label in args.classes or bank.labels
        for recipe in make_recipes(
            clips, label, args.count, args.seed, name=f"mixture_{args.set}", **settings
        )
    ]
    parameters = {**settings, "seed": args.seed, "count": args.count, "synthetic": args.synthetic}
    return write_mixtures(recipes, args.out, root, args.bits, args.set, parameters)


def main() -> None:
    try:
        print(make_mixtures(get_parser().parse_args()))
    except AudiodetError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
