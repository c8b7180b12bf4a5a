#!/usr/bin/env python
"""Make audiodet_rare and its fold models out of trainings on a network trained on AudioSet."""

import argparse
import json
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

import numpy as np

from audiodet.data.datasets.rare_mini import FOLDS, RARE_LABELS
from audiodet.data.datasets.rare_varied import RARE_VARIED
from audiodet.evaluation import load_clips, score_clips
from audiodet.files import write_text
from audiodet.weights import SHIPPED
from command_line import run_main
from export_model import LICENCES, in_words, ship

NAME, TRUNK = "audiodet_rare", "backbone.trunk."
CHOICES = np.linspace(0.02, 0.98, 97)  # of a threshold
COST = 3.0  # points of F1 that a threshold may cost on mixtures
# What the fold models say of every test clip, for the test of the thresholds.
SCORES = Path(__file__).resolve().parents[1] / "tests" / "audiodet_rare_scores.json"
CARD = """# {name}

Detector for {labels}: a frame-level head on EfficientAT's mn04, which stays as AudioSet left it.

- **Made by** `{command}`, exported with `tools/export_pretrained.py`.
- **Origin**: `mn04_as_mAP_432.pt` of the public EfficientAT release (Schmid, Koutini, Widmer:
  "Efficient Large-Scale Audio Tagging via Transformer-to-CNN Knowledge Distillation", 2023; MIT),
  trained on AudioSet. {where}
- **Data of the head**: mixtures of recordings of a sound bank (`soundbank.csv`), {train} (hash of
  the recipes {train_hash}), every clip once. Rows seen in training: {rows}.
{licences}
- **Thresholds** (inside the file): {thresholds}; found on the test mixtures of {tuned}, each scored
  by a fold model of the same recipe and length that never heard its sources: the highest that cost
  at most {cost:g} points of F1 there, so that hours of sound bring few false alarms.
- **Figures at these thresholds**, one event a clip: {figures}
- **Limits**: three classes, few sources of each (the bank has 80 groups of events); recordings
  low-passed at 10 kHz; weaker on those sampled at 8 kHz (docs/results.md); best where an event is
  not under -6 dB of what surrounds it; sounds like an explosion, fireworks or a falling plate
  raise false alarms.

{notice}"""
NOTICE = """EfficientAT's notice:

```
{text}```
"""


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, metavar="DIR", help="of tools/reproduce.py")
    parser.add_argument("--all", required=True, metavar="DIR", help="training on all folds")
    parser.add_argument("--licence", required=True, metavar="FILE", help="EfficientAT's notice")
    return parser.parse_args()


def figures(clips, thresholds: dict) -> str:
    """ER and F1 of each class, of test clips at these thresholds."""
    table = score_clips(clips, RARE_LABELS, thresholds, True).per_label
    return ", ".join(f"{k} ER {x['ER']:.2f} F1 {x['F1']:.1f} %" for k, x in table.items())


def test_clips(run: Path) -> list:
    """The scored clips of all test sets of a run."""
    found = []
    for path in sorted((run / "inference").glob("*/clips.jsonl")):
        found += load_clips(path)
    return found


def best_events(clips) -> list:
    """[clip, label, whether it holds the event, score of the best candidate, whether it is it]."""
    rows = []
    for clip in clips:
        own = [event for event in clip.candidates if event.label == clip.target]
        true = [event.onset for event in clip.reference if event.label == clip.target]
        best = max(own, key=lambda event: event.score, default=None)
        score = round(best.score, 4) if best else 0.0
        is_hit = bool(best and true and abs(best.onset - true[0]) <= 0.5)
        rows.append([clip.name, clip.target, bool(true), score, is_hit])
    return rows


def careful_thresholds(rows: list) -> dict[str, float]:
    """The highest threshold of each label that costs at most COST points of the best F1."""
    thresholds = {}
    for label in RARE_LABELS:
        present, scores, hits = np.array([row[2:] for row in rows if row[1] == label], float).T
        reported = scores >= CHOICES[:, None]
        f1 = 200 * (reported & (hits > 0)).sum(1) / (reported.sum(1) + present.sum())
        thresholds[label] = float(CHOICES[np.flatnonzero(f1 >= f1.max() - COST)[-1]])
    return thresholds


def write_model(run: Path, name: str, thresholds: dict, fields: dict, shared=()) -> None:
    """weights/<name>.safetensors and weights/<name>.md."""
    text = CARD.format(
        name=name,
        cost=COST,
        labels=", ".join(RARE_LABELS),
        licences=LICENCES,
        thresholds=in_words(thresholds),
        **fields,
    )
    target = SHIPPED / f"{name}.safetensors"
    ship(target, run / "model_final.pth", thresholds, lambda model: text, shared=shared)


def card_fields(train: str, rows: str, tuned: str) -> dict:
    """Fields of a card, those of a fold model where they differ."""
    return {
        "command": "tools/reproduce.py pretrained-rare",
        "where": f"Its weights are those inside `{NAME}`.",
        "train": train,
        "train_hash": RARE_VARIED.hash(train),
        "rows": rows,
        "tuned": tuned,
        "notice": "",
    }


def main(args) -> None:
    """Write the model of all folds, then those of each."""
    root = Path(args.runs)
    clips = {fold: test_clips(root / f"mn04_frame_fold{fold}") for fold in range(FOLDS)}
    rows = {fold: best_events(own) for fold, own in clips.items()}
    write_text(SCORES, json.dumps({str(fold): own for fold, own in rows.items()}) + "\n")
    thresholds = {"all": careful_thresholds(sum(rows.values(), []))}
    for fold in rows:
        others = [own for other, own in rows.items() if other != fold]
        thresholds[str(fold)] = careful_thresholds(sum(others, []))
    everything = [clip for own in clips.values() for clip in own]
    all_folds = {
        **card_fields("rare_varied_all_train", "all", "all folds"),
        "command": f"tools/train_net.py --config-file configs/pretrained/{NAME}.yaml",
        "where": "Its weights are in this file.",
        "figures": "of the fold models, quiet and hard together: "
        + figures(everything, thresholds["all"]),
        "notice": NOTICE.format(text=Path(args.licence).read_text(encoding="utf-8")),
    }
    write_model(Path(args.all), NAME, thresholds["all"], all_folds)
    for fold, own in clips.items():
        seen = f"those of the folds other than {fold}"
        fields = card_fields(f"rare_varied_fold{fold}_train", seen, "the other folds")
        fields["figures"] = "quiet and hard together: " + figures(own, thresholds[str(fold)])
        name, run = f"{NAME}_mini_fold{fold}", root / f"mn04_frame_fold{fold}"
        write_model(run, name, thresholds[str(fold)], fields, (NAME, TRUNK))


if __name__ == "__main__":
    run_main(main, parse_args)
