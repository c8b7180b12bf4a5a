#!/usr/bin/env python
"""Make audiodet_rare_voting, the ensemble that ships: its thresholds and its card."""

import argparse
import json
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

from audiodet.data.datasets.rare_mini import CONDITIONS, FOLDS, RARE_LABELS
from audiodet.evaluation import load_clips
from audiodet.files import write_text
from audiodet.voting import Voting
from audiodet.weights import SHIPPED
from command_line import run_main
from export_pretrained import COST, best_events, careful_thresholds, figures
from papers.ensembles import join_folds

NAME = "audiodet_rare_voting"
MEMBERS = {"audiodet_rare": 2.0, "rcrnn_rare": 1.0}  # and their weights
RUNS = ("mn04_frame", "rcrnn_scratch")  # folders of the members' fold models
# Of every test clip, for the test of the thresholds: whether it holds the event, the best score of
# its fold's ensemble, whether that is a hit.
SCORES = Path(__file__).resolve().parents[1] / "tests" / f"{NAME}_scores.json"
CARD = """# {name}

Detector for {labels}: `audiodet_rare` and `rcrnn_rare`, which have nothing
in common but their data, vote 2 : 1 (docs/systems.md, Ensembles). More exact than either, at the
cost of both.

- **Made by** `tools/export_voting.py`. Rows seen in training: all; weights are those of the
  members (`audiodet models audiodet_rare rcrnn_rare`).
- **Licences of the data**: as theirs; their weights are to be treated as **non-commercial**.
- **Thresholds**: {thresholds}; found on the test mixtures of all folds,
  each heard by an ensemble of fold models that never heard its sources: the highest that cost at
  most {cost:g} points of F1.
- **Figures of the fold ensembles**, quiet and hard together, one event a clip, each fold at
  thresholds that were found in this way on the other folds: {figures}
- **Limits**: those of both members; 2 : 1 was chosen by hand.
"""


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, metavar="DIR", help="of tools/reproduce.py")
    return parser.parse_args()


def heard(root: Path, run: str) -> dict:
    """{fold: {condition: every test clip with all its candidates}} of fold models."""
    clips = {}
    for fold in range(FOLDS):
        folder = root / f"{run}_fold{fold}" / "inference"
        clips[fold] = {
            c: load_clips(folder / f"rare_mini_{c}_fold{fold}_test" / "clips.jsonl")
            for c in CONDITIONS
        }
    return clips


def at_other_folds_thresholds(clips: dict, rows: dict) -> str:
    """ER and F1 of each class, pooled over folds: candidates under their threshold are left out."""
    kept = []
    for fold, conditions in clips.items():
        thresholds = careful_thresholds(sum((r for f, r in rows.items() if f != fold), []))
        for clip in sum(conditions.values(), []):
            clip.candidates = [e for e in clip.candidates if e.score >= thresholds[e.label]]
            kept.append(clip)
    return figures(kept, dict.fromkeys(RARE_LABELS, 0.0))


def main(args) -> None:
    """Write the ensemble, its card and the scores that its test reads."""
    voting = Voting(tuple(MEMBERS.values()))
    clips = join_folds([heard(Path(args.runs), run) for run in RUNS], voting)
    rows = {fold: best_events(sum(parts.values(), [])) for fold, parts in clips.items()}
    everything = sum(rows.values(), [])
    own = {label: [row[2:] for row in everything if row[1] == label] for label in RARE_LABELS}
    write_text(SCORES, json.dumps(own) + "\n")
    thresholds = careful_thresholds(everything)
    spec = {
        "VERSION": 2,
        "MODEL": {"META_ARCHITECTURE": "EventEnsemble"},
        "DATASETS": {"LABELS": list(RARE_LABELS)},
        "TEST": {
            "ENSEMBLE": list(MEMBERS),
            "VOTING": {"WEIGHTS": list(MEMBERS.values())},
            "THRESHOLDS": [round(thresholds[label], 3) for label in RARE_LABELS],
        },
    }
    write_text(SHIPPED / f"{NAME}.yaml", json.dumps(spec, indent=1) + "\n")
    text = CARD.format(
        name=NAME,
        labels=", ".join(RARE_LABELS),
        thresholds=", ".join(f"{k} {v:.3f}" for k, v in thresholds.items()),
        cost=COST,
        figures=at_other_folds_thresholds(clips, rows),
    )
    write_text(SHIPPED / f"{NAME}.md", text)


if __name__ == "__main__":
    run_main(main, parse_args)
