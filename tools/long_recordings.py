#!/usr/bin/env python
"""F1 and false alarms an hour in long recordings with an event or a distractor now and then.

One recording a fold, from that fold's sources only; models that were trained on the other folds
detect in it as ``audiodet detect`` does, at their default thresholds. Events and distractors take
turns at random places; any number of events may be reported.
"""

import argparse
import json
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

from tabulate import tabulate

from audiodet.data.mixing.soundbank import FOLDS, load_soundbank, soundbank_root
from audiodet.evaluation import save_clips
from audiodet.files import write_text
from command_line import run_main
from papers.long import contrasted_as_detected, hear, long_recipe, report, write_recording

MODELS = ("rcrnn_rare_mini_fold{fold}", "audiodet_rare_mini_fold{fold}")


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output-dir", default="output/long", metavar="DIR")
    parser.add_argument("--models", nargs="+", default=MODELS, help="names with {fold}")
    parser.add_argument("--folds", type=int, nargs="+", default=range(FOLDS))
    parser.add_argument("--minutes", type=float, default=30.0, help="of a recording (30)")
    parser.add_argument(
        "--every", type=float, default=40.0, help="seconds from sound to sound (40)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--contrast", type=float, nargs="+", default=[0.75], metavar="W", help="also with these"
    )
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Print a table and write ``long.json``, the recordings and every model's candidates."""
    root = soundbank_root()
    bank = load_soundbank(root)
    folder = Path(args.output_dir)
    heard = {model: [] for model in args.models}
    for fold in args.folds:
        rules = (f"long_fold{fold}.wav", 60 * args.minutes, args.every, args.seed)
        truth = write_recording(long_recipe(bank.select(folds=[fold]), *rules), root, folder)
        for model, clips in heard.items():
            clips.append(hear(model.format(fold=fold), truth, folder))
    reports = {}
    rows = []
    for model, clips in heard.items():
        name = model.replace("_fold{fold}", "")
        save_clips([clip for clip, _ in clips], folder / f"{name}.jsonl")
        reports[name] = report(clips)
        for weight in args.contrast:
            contrasted = contrasted_as_detected(clips, weight)
            reports[f"{name}, contrast {weight:g}"] = report(contrasted)
    for name, choices in reports.items():
        for thresholds, table in choices.items():
            rows += [[name, thresholds, label, *row.values()] for label, row in table.items()]
    columns = ["model", "thresholds", "label", *next(iter(table.values()))]
    print(tabulate(rows, columns, "github", floatfmt=".1f"))
    write_text(folder / "long.json", json.dumps(reports, indent=1) + "\n")


if __name__ == "__main__":
    run_main(main, parse_args)
