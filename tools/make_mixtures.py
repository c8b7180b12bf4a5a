#!/usr/bin/env python
"""Mix isolated events into backgrounds and write a data set in the layout of TUT rare sound events.

Examples:
    tools/make_mixtures.py --soundbank BANK --out datasets/my-mixtures --set devtrain --count 500
    tools/make_mixtures.py --polyphonic --soundbank BANK --out datasets/my-mixtures --duration 20
    tools/make_mixtures.py --synthetic --out /tmp/mixtures --count 20 --duration 10

The folder FOLDER that is printed can be trained on by the configuration's
    DATASETS.CUSTOM '("my_train=FOLDER/labels.tsv:FOLDER/audio",)'
"""

import argparse
import os
import sys

from audiodet.data.mixing.rules import make_polyphonic_recipes
from audiodet.data.mixing.rules import make_recipes
from audiodet.data.mixing.soundbank import Clip, load_soundbank, soundbank_root
from audiodet.errors import DataError
from command_line import parser_of, run_main
from mixture_files import SUBTYPES, write_mixtures
from synthetic_bank import write_synthetic_bank

SPLIT_OF_SET = {"devtrain": "train", "devtest": "val"}  # sources that a set may use


def get_parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__)
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
    parser.add_argument("--count", type=int, default=500, help="mixtures of each class, or in all")
    parser.add_argument(
        "--polyphonic",
        action="store_true",
        help="2 to 5 classes a mixture (fewer where there are fewer), several sounds of each; "
        "--classes may name distractors, --presence and --distractors do not matter",
    )
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--presence", type=float, default=0.5, help="share with the event")
    parser.add_argument("--ebrs", type=float, nargs="+", default=[-6, 0, 6], help="in dB")
    parser.add_argument("--duration", type=float, default=30.0, help="of a mixture, in seconds")
    parser.add_argument(
        "--longest",
        type=float,
        metavar="SECONDS",
        help="of a longer event only the beginning is mixed, and their number is said; without it "
        "an event that is longer than a mixture is an error",
    )
    parser.add_argument("--distractors", type=int, default=0, help="in every mixture")
    parser.add_argument("--bits", choices=list(SUBTYPES), default="24")
    return parser


def shortened(clips: list[Clip], seconds: float) -> list[Clip]:
    """The clips with events of at most these seconds; prints how many were longer."""
    long = [clip for clip in clips if clip.kind == "events" and clip.offset - clip.onset > seconds]
    if long:
        what = f"{len(long)} events are longer than {seconds:g} s, only their beginning is mixed"
        print(f"{what}: {long[0].path}{', ...' if len(long) > 1 else ''}", file=sys.stderr)
    return [clip.cut(seconds) if clip.kind == "events" else clip for clip in clips]


def make_mixtures(args: argparse.Namespace) -> str:
    """Draw and write the mixtures; returns the folder that holds them."""
    for key in ("count", "duration", "longest"):
        if getattr(args, key) is not None and getattr(args, key) <= 0:
            raise DataError(f"--{key} {getattr(args, key)}, expected a number above zero")
    if args.synthetic:
        root = write_synthetic_bank(os.path.join(args.out, "synthetic_bank"), seed=args.seed)
    else:
        root = soundbank_root(args.soundbank)
    bank = load_soundbank(root)
    clips = bank.select(split=SPLIT_OF_SET.get(args.set))
    if args.longest is not None:
        clips = shortened(clips, args.longest)
    drawn = (
        ("ebrs", "duration") if args.polyphonic else ("presence", "ebrs", "duration", "distractors")
    )
    settings = {key: getattr(args, key) for key in drawn}
    labels = args.classes or bank.labels
    draw = {"n": args.count, "seed": args.seed, "name": f"mixture_{args.set}", **settings}
    if args.polyphonic:
        classes = (min(2, len(labels)), min(5, len(labels)))
        recipes = make_polyphonic_recipes(clips, labels, classes=classes, **draw)
    else:
        recipes = [r for label in labels for r in make_recipes(clips, label, **draw)]
    parameters = {**settings, "seed": args.seed, "count": args.count, "synthetic": args.synthetic}
    return write_mixtures(recipes, args.out, root, args.bits, args.set, parameters)


def main(args: argparse.Namespace) -> None:
    """Make the mixtures and say where they are."""
    print(make_mixtures(args))


if __name__ == "__main__":
    run_main(main, get_parser().parse_args)
