"""The polyphonic system's own training: sequences, the best by frame F1, an early stop."""

import json

import torch
from detectron2.engine import HookBase

from tests.tiny import tiny_config, train, write_tiny_data

CRNN = (
    "MODEL.META_ARCHITECTURE",
    "SequenceTagger",
    "MODEL.TAGGER.LOSS",
    "frame",
    "MODEL.TAGGER.LOW_THRESHOLD",
    0.5,
    "MODEL.BACKBONE.NAME",
    "build_frame_stack_backbone",
    "INPUT.SPECTROGRAM.N_MELS",
    40,
    "MODEL.ANCHOR_GENERATOR.OFFSET",
    0.5,
    "MODEL.FRAME_STACK.MAPS",
    8,
    "MODEL.FRAME_STACK.RNN_UNITS",
    8,
    "MODEL.FRAME_STACK.DROPOUT",
    0.0,
    "INPUT.CROP_AUDIO.SECONDS",
    0.0,
    "INPUT.CROP_AUDIO.MIN_EVENT_FRACTION",
    0.0,
    "INPUT.SEQUENCE.FRAMES",
    60,
    "TEST.THRESHOLDS",
    "[0.5]",
    "TEST.MICRO_SECONDS",
    "[0.016]",
)
WATCH = ("METRIC", "micro_0.016s/F1", "MODE", "max")


def watched(key):
    return [
        x for name, value in zip(WATCH[::2], WATCH[1::2]) for x in (f"SOLVER.{key}.{name}", value)
    ]


class Looks(HookBase):
    """Keeps the frame F1 of every look at it."""

    def __init__(self):
        self.values = {}

    def after_step(self):
        value, iteration = self.trainer.storage.latest().get("micro_0.016s/F1", (None, -1))
        if iteration == self.trainer.iter:
            self.values[iteration] = value


def test_the_best_frame_f1_is_kept_and_ends_training(tmp_path):
    """Looks every 10 iterations; training ends four looks after the best one."""
    data, looks = write_tiny_data(tmp_path / "tiny_polyphonic"), Looks()
    stop = [
        "SOLVER.EARLY_STOP.PATIENCE",
        4,
        "TEST.EVAL_PERIOD",
        10,
        "SOLVER.MAX_ITER",
        600,
        "SOLVER.BASE_LR",
        0.01,
    ]
    cfg = tiny_config(
        data,
        tmp_path / "out",
        *CRNN,
        *watched("EARLY_STOP"),
        *watched("BEST"),
        *stop,
        "SOLVER.LR_SCHEDULER_NAME",
        "WarmupMultiStepLR",
        "SOLVER.STEPS",
        "[]",
        test=["test"],
    )
    trainer, _ = train(cfg, looks)
    best = max(looks.values, key=lambda i: looks.values[i])
    assert looks.values[best] > 50 and trainer.iter == best + 40 < 599
    end, kept = (
        torch.load(tmp_path / "out" / f"model_{name}.pth", weights_only=True)
        for name in ("final", "best")
    )
    assert kept["iteration"] == best
    weights = trainer.model.state_dict()  # the test sets are scored by the best
    assert all(torch.equal(weights[k], kept["model"][k]) for k in kept["model"])
    assert any(not torch.equal(weights[k], end["model"][k]) for k in end["model"])


def test_clip_labels_train_and_are_scored(tmp_path):
    """Weak tables, temporal max pooling, equal error rates; the best by them is kept."""
    data = write_tiny_data(tmp_path / "tiny_clip_labels", {"train": 12, "val": 6, "test": 6})
    for split in ("train", "val", "test"):
        labels = {}
        for line in (data.folder / f"{split}.tsv").read_text().splitlines()[1:]:
            name, *cells = line.split("\t")
            labels.setdefault(name, set()).update(cells[2:])
        rows = [f"{name}\t{','.join(sorted(found))}" for name, found in labels.items()]
        (data.folder / f"{split}.tsv").write_text(
            "\n".join(["filename\tevent_labels", *rows]) + "\n"
        )
    weak = (
        "MODEL.TAGGER.LOSS",
        "clip",
        "INPUT.SEQUENCE.FRAMES",
        0,
        "TEST.EVALUATORS",
        "['tags']",
        "TEST.MICRO_SECONDS",
        "[]",
    )
    best = (
        "SOLVER.BEST.METRIC",
        "tagging/EER",
        "TEST.EVAL_PERIOD",
        30,
        "SOLVER.MAX_ITER",
        120,
        "SOLVER.BASE_LR",
        0.01,
    )
    cfg = tiny_config(data, tmp_path / "out", *CRNN, *weak, *best, test=["test"])
    trainer, losses = train(cfg)
    assert min(losses.total.values()) < 0.5 * losses.total[0]
    tags = json.loads(
        (tmp_path / "out" / "inference" / f"{data.name}_test" / "tags.json").read_text()
    )
    assert len(tags) == 6 and all(set(scores) == {"burst", "tone"} for scores in tags.values())
    assert trainer.storage.latest()["tagging/EER"][0] < 30
    assert (tmp_path / "out" / "model_best.pth").is_file()
