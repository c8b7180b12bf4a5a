#!/usr/bin/env python
"""A shipped model at other levels and rates, clipped, under noise, on crowds and for hours.

Fold models hear test clips of their own fold, whose sources they did not learn from, at their
default thresholds and as ``audiodet detect`` decides: any number of events, every label.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import audiodet  # noqa: F401  makes detectron2 importable

from tabulate import tabulate

from audiodet.data.datasets.rare_mini import MASKED
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.rendering import render
from audiodet.data.mixing.soundbank import FOLDS, load_soundbank, soundbank_root
from audiodet.files import write_text
from command_line import run_main
from papers.long import long_recipe, write_recording
from papers.robustness import RATE, Listener, changes, crowded_recipes, fold_recipes, heard

MODEL = "audiodet_rare_mini_fold{fold}"


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output-dir", default="output/robustness", metavar="DIR")
    parser.add_argument("--model", default=MODEL, help="a name with {fold} (%(default)s)")
    parser.add_argument("--folds", type=int, nargs="+", default=range(FOLDS))
    parser.add_argument("--clips", type=int, default=60, help="of each fold (60)")
    parser.add_argument("--minutes", type=float, default=120.0, help="of long recordings (120)")
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Print the table and write it as JSON."""
    root = soundbank_root()
    bank = load_soundbank(root)
    listeners = [Listener(args.model.format(fold=fold)) for fold in args.folds]
    plain = [fold_recipes(fold, args.clips) for fold in args.folds]
    masked = [fold_recipes(fold, args.clips, [MASKED]) for fold in args.folds]
    crowds, long = [], []
    for fold in args.folds:
        clips = bank.select(folds=[fold])
        crowds.append(crowded_recipes(clips, args.clips))
        long.append([long_recipe(clips, f"long_fold{fold}.wav", 60 * args.minutes, 40.0, 0)])
    hours = f"{args.minutes:g} min, a sound every 40 s"

    def changed(recipe: Recipe) -> dict:
        samples = render(recipe, root, RATE)
        return {name: change(samples) for name, change in changes().items()}

    def as_it_is(name: str, recipe: Recipe) -> dict:
        return {name: (render(recipe, root, RATE), RATE)}

    with TemporaryDirectory() as folder:

        def in_a_file(recipe: Recipe) -> dict:
            write_recording(recipe, root, Path(folder))
            return {hours: Path(folder) / recipe.name}

        table = heard(listeners, plain, changed)
        table |= heard(listeners, masked, partial(as_it_is, "steady noise"))
        table |= heard(listeners, crowds, partial(as_it_is, "events 3 s apart"))
        table |= heard(listeners, long, in_a_file)
    rows = [[name, *figures.values()] for name, figures in table.items()]
    headers = ["", *next(iter(table.values()))]
    print(tabulate(rows, headers, "github", floatfmt=".1f"))
    name = args.model.replace("_fold{fold}", "")
    path = Path(args.output_dir) / f"{name}.json"
    write_text(path, json.dumps(table, indent=1) + "\n")
    print(f"figures: {path}")


if __name__ == "__main__":
    run_main(main, parse_args)
