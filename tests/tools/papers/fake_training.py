"""In place of tools/train_net.py: leaves what a training or an evaluation leaves, at once.

It reads the command line as the tool does, so it serves every table. What is found is drawn from
a generator that is seeded by the run's folder and the dataset, so that it is the same each time.
"""

import json
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from audiodet.engine.setup import load_config
from audiodet.evaluation import ClipResult, save_clips
from audiodet.events import Event
from audiodet.weights import CARD

ONE_LABEL = ("rare_mini_quiet", "rare_mini_hard", "rare_mini_fold")  # scored for one label a clip
METRICS = ("F1", "F1-best", "ER", "AUC", "mAP", "deletions", "insertions")
TASKS = {
    "metrics": ["sed"],
    "frames": ["frames"],
    "tagging": ["tagging"],
    "masks": ["masks", "masks_ratio"],
}


def run(command, **_):
    """What subprocess.run does with a command line of tools/train_net.py."""
    opts = command[command.index("--config-file") + 2 :]
    cfg = load_config(
        command[command.index("--config-file") + 1], [x for x in opts if not x.startswith("--")]
    )
    folder = Path(cfg.OUTPUT_DIR)
    for name in cfg.DATASETS.TEST:
        leave_results(folder / "inference" / name, name, list(cfg.DATASETS.LABELS))
    if cfg.DATASETS.VAL and cfg.DATASETS.VAL[0].startswith("rare_mini"):
        validation = [
            clip for name in cfg.DATASETS.VAL for clip in clips(name, folder, cfg.DATASETS.LABELS)
        ]
        save_clips(validation, folder / "inference" / "validation.jsonl")
    areas = {f"{name}/bbox/AP50": 50.0 for name in cfg.DATASETS.TEST}
    lines = [{"iteration": 0, "time": 60.0}, {"iteration": 1, "time": 60.0, **areas}]
    (folder / "metrics.json").write_text("\n".join(map(json.dumps, lines)))
    card = {"architecture": cfg.MODEL.META_ARCHITECTURE, "config": cfg.dump()}
    card["labels"] = list(cfg.DATASETS.LABELS)
    torch.save({"model": {}, CARD: card}, folder / "model_final.pth")
    return SimpleNamespace(returncode=0)


def leave_results(folder, name: str, labels) -> None:
    """What the evaluators write of one dataset."""
    folder.mkdir(parents=True, exist_ok=True)
    save_clips(clips(name, folder.parents[1], labels), folder / "clips.jsonl")
    rng = generator(folder.parents[1], name)
    for file, tasks in TASKS.items():
        found = {task: figures(rng) for task in tasks}
        (folder / f"{file}.json").write_text(json.dumps(found))
    scores = {name: rng.random() for name in ("PSDS1", "PSDS2", "AP")}
    (folder / "scores.json").write_text(json.dumps(scores))


def generator(folder, name: str) -> np.random.Generator:
    """Of the run in a folder and a dataset."""
    return np.random.default_rng(zlib.crc32(f"{folder.name} {name}".encode()))


def figures(rng) -> dict:
    """Each metric with an interval around it."""
    found = {}
    for metric in METRICS:
        found[metric] = 50 * rng.random()
        found[f"{metric}-low"] = found[metric] - rng.random()
        found[f"{metric}-high"] = found[metric] + rng.random()
    return found


def clips(name: str, folder, labels) -> list[ClipResult]:
    """Clips whose truth is the dataset's, with candidates that are the run's own.

    Half of the candidates are the true events, and their scores are higher than the others'.
    """
    one_label = name.startswith(ONE_LABEL)
    rng = generator(folder, name)
    results = []
    for number in range((5 if name.startswith("rare_mini") else 2) * len(labels)):
        label = labels[number % len(labels)]
        turn = number // len(labels)
        count = int(turn < 3) if one_label else 1 + turn
        truth = [Event(2.0 * i, 2.0 * i + 1, label) for i in range(count)]
        found = [e._replace(score=0.4 + 0.6 * rng.random()) for e in truth if rng.random() < 0.6]
        if rng.random() < 0.4:
            found.append(Event(8.5, 9.5, label, 0.7 * rng.random()))
        found.sort(key=lambda event: -event.score)
        target = label if one_label else None
        group = f"{number % 7}" if name.startswith("rare_mini") else None
        clip = f"{name}_{number:03}"
        results.append(ClipResult(clip, 10.0, truth, found, target, group, parts(found, rng)))
    return results


def parts(found, rng) -> dict:
    """Alpha and beta of each candidate, as AudioMask keeps them."""
    return {
        "detector_scores": [event.score for event in found],
        "segment_scores": [rng.random() for _ in found],
        "box_scores": [rng.random() for _ in found],
    }
