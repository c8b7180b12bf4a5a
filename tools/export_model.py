#!/usr/bin/env python
"""Make a small file that ships out of a training on rare-mini, with its model card."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

from audiodet import model_zoo, weights
from audiodet.data.datasets.rare_mini import rare_mini_hash, rare_mini_sources
from audiodet.data.mixing.soundbank import load_soundbank, soundbank_root
from audiodet.errors import AudiodetError, DataError
from audiodet.evaluation import load_clips, save_clips, score_clips
from audiodet.events import Event
from audiodet.export.write import renew
from audiodet.files import atomic_path, write_text

ROOT = Path(__file__).resolve().parents[1]
FAINTEST = 0.05  # score of a candidate that is kept
ROW = "R-CRNN, thresholds across folds"  # of the table rare-mini
CARD = """# {name}

R-CRNN (Kao et al., Interspeech 2018) for {labels}; {parameters:,} parameters by the Keras rule.

- **Made by** `{command}`, exported with `{export}`.
- **Data**: mixtures of the real recordings of a sound bank (`soundbank.csv`), training set
  `{train}` with the recipes' hash {train_hash}. Rows seen in training: {rows}
- **Licences of the data**: CC0, CC BY, ODbL, and clips of ESC-50 that are to be treated as
  **non-commercial**; so are these weights. The bank's own table names every author and source.
- **Thresholds** (inside the file): {thresholds}, {tuned}
- **Figures**, one event a clip: {figures}
- **Limits**: three classes, few sources of each (the bank has 80 groups of events); recordings
  low-passed at 10 kHz; sounds like the distractors it was trained with raise false alarms;
  trained on clips with at most one event, it scores several within a window lower.
"""


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, metavar="DIR", help="folder of the training")
    parser.add_argument("--name", required=True, help="name in audiodet.model_zoo")
    parser.add_argument("--fold", type=int, help="test fold; without it all folds were trained on")
    parser.add_argument(
        "--report", help="rare-mini.json of tools/reproduce.py, for thresholds across folds"
    )
    parser.add_argument(
        "--weights", metavar="FILE", help="the checkpoint, where the run only tuned and scored it"
    )
    parser.add_argument(
        "--scores",
        metavar="FILE.jsonl",
        help="keep the run's scored clips, for a test of thresholds",
    )
    parser.add_argument("--command", required=True, help="the command that made the training")
    parser.add_argument(
        "--output",
        metavar="FILE.safetensors",
        help="the file, its card beside it (in a checkout: the weights that ship with audiodet)",
    )
    args = parser.parse_args()
    if args.output is None and Path(audiodet.__file__).parents[1] != ROOT:
        parser.error("audiodet is not this checkout's: --output FILE.safetensors is needed")
    if args.output and not args.output.endswith(".safetensors"):
        parser.error(f"--output {args.output}, expected a file FILE.safetensors")
    return args


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


def read_json(path: Path, what: str) -> dict:
    """What a file holds; DataError names ``what`` should have written it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}), expected what {what} writes") from None


def thresholds_of(run: Path, report: str | None, fold) -> tuple[dict, str]:
    """Final thresholds by label, and how they were found."""
    if not report:
        text = "tuned on mixtures of source groups that were held out of this training"
        if fold is None:
            text += " (`rare_mini_all_tune`), any number of events a clip"
        return read_json(run / "thresholds.json", "TEST.TUNE_THRESHOLDS True"), text
    found = read_json(Path(report), "tools/reproduce.py")["thresholds"][ROW]
    others = "all folds" if fold is None else "the other folds"
    text = (
        f"tuned on the test mixtures of {others}, each scored by a model that never heard its "
        "sources"
    )
    return found["all" if fold is None else str(fold)], text


def figures(run: Path, thresholds: dict) -> str:
    """ER and F1 of every test set that the run scored, at these thresholds."""
    lines = []
    for path in sorted(run.glob("inference/*/clips.jsonl")):
        mean = score_clips(load_clips(path), list(thresholds), thresholds, True).mean
        lines.append(f"{path.parent.name}: ER {mean['ER']:.2f}, F1 {mean['F1']:.1f} %")
    return "; ".join(lines) or "none of its own: no source is left to test on; see the fold models"


def save_scores(run: Path, path: str) -> None:
    """What the model said of the run's test clips: candidates of the clip's label, rounded."""
    kept = []
    for source in sorted(run.glob("inference/*/clips.jsonl")):
        for clip in load_clips(source):
            own = []
            for x in clip.candidates:
                if x.label == clip.target and x.score >= FAINTEST:
                    times = (round(x.onset, 2), round(x.offset, 2))
                    own.append(Event(*times, x.label, round(x.score, 4)))
            kept.append(replace(clip, candidates=own))
    save_clips(kept, path)


def card(args, model, thresholds: dict, tuned: str) -> str:
    """The model card."""
    from audiodet.modeling import keras_count

    train = "rare_mini_all_train" if args.fold is None else f"rare_mini_fold{args.fold}_train"
    return CARD.format(
        name=args.name,
        labels=", ".join(model.cfg.DATASETS.LABELS),
        parameters=keras_count(model),
        command=args.command,
        export=f"tools/export_model.py --name {args.name} ...",
        tuned=tuned,
        train=train,
        train_hash=rare_mini_hash(train),
        rows=rows_seen(args.fold),
        thresholds=", ".join(f"{k} {v:.3f}" for k, v in thresholds.items()),
        figures=figures(Path(args.run), thresholds),
    )


def main(args) -> None:
    """Write the weights and the model card beside them, both or neither, and renew the export."""
    run = Path(args.run)
    thresholds, tuned = thresholds_of(run, args.report, args.fold)
    target = Path(args.output or weights.SHIPPED / f"{args.name}.safetensors")
    best = run / "model_best.pth"  # where there is one, the thresholds are its
    checkpoint = args.weights or (best if best.is_file() else run / "model_final.pth")
    with atomic_path(target) as temporary:
        model_zoo.export(str(checkpoint), thresholds, str(temporary))
        text = card(args, model_zoo.get(str(temporary)), thresholds, tuned)
        write_text(target.with_suffix(".md"), text)
    renew(target)
    if args.scores:
        save_scores(run, args.scores)
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    try:
        main(parse_args())
    except AudiodetError as error:
        sys.exit(f"error: {error}")
