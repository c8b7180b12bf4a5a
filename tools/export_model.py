#!/usr/bin/env python
"""Make a small file that ships out of a training on rare-mini, with its model card."""
import argparse
import json
import sys
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

from audiodet import model_zoo
from audiodet.data.datasets.rare_mini import rare_mini_hash, rare_mini_sources
from audiodet.data.soundbank import load_soundbank, soundbank_root
from audiodet.errors import AudiodetError
from audiodet.files import write_text

CARD = """# {name}

R-CRNN (Kao et al., Interspeech 2018) for {labels}; {parameters:,} parameters by the Keras rule.

- **Made by** `{command}`, exported with `{export}`.
- **Data**: mixtures of the real recordings of a sound bank (`soundbank.csv`), training set
  `{train}` with the recipes' hash {train_hash}. Rows seen in training: {rows}
- **Licences of the data**: CC0, CC BY, ODbL, and clips of ESC-50 that are to be treated as
  **non-commercial**; so are these weights. The bank's own table names every author and source.
- **Thresholds** (inside the file): {thresholds}, {tuned}
- **Figures**: {figures}
- **Limits**: three classes, few sources of each (the bank has 80 groups of events); recordings
  low-passed at 10 kHz; sounds like the distractors it was trained with raise false alarms.
"""


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, metavar="DIR", help="folder of the training")
    parser.add_argument("--name", required=True, help="name in audiodet.model_zoo")
    parser.add_argument("--fold", type=int, help="test fold; without it all folds were trained on")
    parser.add_argument("--thresholds", help="JSON file; default: thresholds.json of the run")
    parser.add_argument(
        "--tuned",
        default="tuned on mixtures of source groups that were held out of training",
        help="how the thresholds were found",
    )
    parser.add_argument("--command", required=True, help="the command that made the training")
    return parser.parse_args()


def rows_seen(fold) -> str:
    """Which rows of the bank's table the training set draws from."""
    bank = load_soundbank(soundbank_root())
    train, held_out, _ = rare_mini_sources(bank, fold)
    groups = sorted({clip.split_group for clip in held_out})
    which = "all" if fold is None else f"those of folds {[f for f in range(4) if f != fold]}"
    return (
        f"{which}, but for these {len(groups)} source groups ({len(train)} rows remain): "
        + ", ".join(f"`{group}`" for group in groups)
    )


def figures(run: Path) -> str:
    """ER and F1 of every test set that the run scored."""
    lines = []
    for path in sorted(run.glob("inference/*/metrics.json")):
        found = json.loads(path.read_text())
        lines.append(f"{found['dataset']}: ER {found['sed']['ER']:.2f}, F1 {found['sed']['F1']:.1f} %")
    return "; ".join(lines) or "none of its own: no source is left to test on; see the fold models"


def main(args) -> None:
    """Write weights/<name>.safetensors and weights/<name>.md."""
    run = Path(args.run)
    thresholds = json.loads(Path(args.thresholds or run / "thresholds.json").read_text())
    target = model_zoo.WEIGHTS / f"{args.name}.safetensors"
    best = run / "model_best.pth"  # where there is one, the thresholds are its
    checkpoint = best if best.is_file() else run / "model_final.pth"
    model_zoo.export(str(checkpoint), thresholds, str(target))
    model = model_zoo.get(args.name)
    from audiodet.modeling import keras_count

    train = "rare_mini_all_train" if args.fold is None else f"rare_mini_fold{args.fold}_train"
    text = CARD.format(
        name=args.name, labels=", ".join(model.cfg.DATASETS.LABELS), parameters=keras_count(model),
        command=args.command, export=f"tools/export_model.py --name {args.name} ...",
        tuned=args.tuned, train=train, train_hash=rare_mini_hash(train), rows=rows_seen(args.fold),
        thresholds=", ".join(f"{k} {v:.3f}" for k, v in thresholds.items()), figures=figures(run),
    )  # fmt: skip
    write_text(target.with_suffix(".md"), text)
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    try:
        main(parse_args())
    except AudiodetError as error:
        sys.exit(f"error: {error}")
