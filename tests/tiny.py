"""A tiny dataset, a tiny R-CRNN and trainings of a few steps: what the tests of training share."""

import logging
import runpy
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile as sf

import audiodet  # noqa: F401  first: makes detectron2 importable, also in spawned processes

from detectron2.engine import HookBase
from detectron2.utils.env import seed_all_rng

from audiodet.data.datasets import setup_datasets
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer

ROOT = Path(__file__).resolve().parents[1]
LABELS = ["burst", "tone"]
RATE, SECONDS = 16000, 2.0
SPLITS = {"train": 6, "val": 3, "test": 3}
# Crops, augmentation and dropout are on: all of them must not depend on where a training stopped.
CONFIG = f"""
_BASE_: "{ROOT}/configs/rcrnn/Base-RCRNN.yaml"
INPUT:
  AUDIO: {{SAMPLE_RATE: {RATE}}}
  SPECTROGRAM: {{N_FFT: 512, HOP: 256}}
  CROP_AUDIO: {{SECONDS: 1.5}}
  SPEC_AUGMENT: {{TIME_MASKS: 1, FREQ_MASKS: 1, GAIN_DB: 6.0, EQ_DB: 4.0}}
MODEL:
  DEVICE: "cpu"
  CRNN: {{UNITS: 4}}
  RPN: {{CONV_DIMS: [8], BATCH_SIZE_PER_IMAGE: 16}}
  ROI_HEADS: {{BATCH_SIZE_PER_IMAGE: 8}}
  ROI_BOX_HEAD: {{FC_DIM: 8}}
DATASETS:
  LABELS: {LABELS}
SOLVER:
  BASE_LR: 0.001
  LR_SCHEDULER_NAME: "WarmupCosineLR"
  IMS_PER_BATCH: 2
  MAX_ITER: 10
  CHECKPOINT_PERIOD: 4
  VAL_PERIOD: 0
  BEST: {{METRIC: ""}}
  EARLY_STOP: {{PATIENCE: 0}}
TEST:
  BOOTSTRAP: 0
  BATCH_SIZE: 2
DATALOADER:
  NUM_WORKERS: 0
"""


class StopAt(HookBase):
    """Fails as a training might, after a step."""

    def __init__(self, iteration: int):
        self.iteration = iteration

    def after_step(self):
        if self.trainer.iter == self.iteration:
            raise InterruptedError


class TinyData(NamedTuple):
    """A folder with audio, one label table a split, and the YAML that trains on them."""

    folder: Path
    name: str

    @property
    def yaml(self) -> str:
        return str(self.folder / "tiny.yaml")

    def audio(self, split: str, number: int) -> str:
        return str(self.folder / "audio" / f"{split}{number}.wav")


def write_clip(path, rng, events, seconds=SECONDS, rate=RATE) -> None:
    """A wav of faint noise with events [(onset, offset, label), ...] in seconds."""
    samples = rng.normal(0, 0.01, round(seconds * rate))
    for onset, offset, label in events:
        part = slice(round(onset * rate), round(offset * rate))
        length = len(samples[part])
        tone = np.sin(2 * np.pi * 1000 / rate * np.arange(length))
        samples[part] += 0.3 * (tone if label == "tone" else rng.normal(0, 0.5, length))
    sf.write(path, samples, rate)


def write_tiny_data(folder, splits=SPLITS) -> TinyData:
    """Clips with none, one and two events in turn, 16-bit wavs, tables and configuration."""
    folder, rng = Path(folder), np.random.default_rng(1)
    data = TinyData(folder, folder.name)
    (folder / "audio").mkdir(parents=True)
    specs = []
    for split, count in splits.items():
        lines = ["filename\tonset\toffset\tevent_label"]
        for number in range(count):
            starts = np.sort(rng.uniform(0.1, 1.4, (number + 1) % 3)).round(3)
            labels = [LABELS[(number + i) % 2] for i in range(len(starts))]
            events = [(t, round(t + 0.4, 3), label) for t, label in zip(starts, labels)]
            write_clip(data.audio(split, number), rng, events)
            name = f"{split}{number}.wav"
            lines += [f"{name}\t{on}\t{off}\t{label}" for on, off, label in events] or [name]
        table = folder / f"{split}.tsv"
        table.write_text("\n".join(lines) + "\n")
        specs.append(f"{data.name}_{split}={table}:{folder / 'audio'}")
    Path(data.yaml).write_text(CONFIG.replace("DATASETS:", f"DATASETS:\n  CUSTOM: {specs}"))
    return data


def tiny_config(data: TinyData, output="output", *opts, test=()):
    """Frozen configuration: trains on the "train" split, scores the splits in ``test``."""
    cfg = load_config(data.yaml, tiny_opts(data, output, *opts, test=test))
    setup_datasets(cfg)
    return cfg


def tiny_opts(data: TinyData, output, *opts, test=()) -> list:
    """The KEY VALUE pairs behind :func:`tiny_config`, as on a command line."""
    names = {"TRAIN": ["train"], "VAL": ["val"], "TEST": test}
    pairs = ["OUTPUT_DIR", str(output)]
    for key, splits in names.items():
        pairs += [f"DATASETS.{key}", str([f"{data.name}_{split}" for split in splits])]
    return pairs + [str(part) for part in opts]


class Losses(HookBase):
    """Keeps total_loss and the learning rate of every iteration."""

    def __init__(self):
        self.total, self.rate = {}, {}

    def after_step(self):
        storage = self.trainer.storage
        self.total[self.trainer.iter] = storage.history("total_loss").latest()
        self.rate[self.trainer.iter] = storage.history("lr").latest()


def train(cfg, *hooks, resume=False):
    """Train as tools/train_net.py does -> (trainer, Losses)."""
    seed_all_rng(cfg.SEED)
    trainer, losses = Trainer(cfg), Losses()
    trainer.resume_or_load(resume=resume)
    trainer.register_hooks([losses, *hooks])
    trainer.train()
    return trainer, losses


def run_tool(monkeypatch, *arguments, tool="train_net") -> str:
    """Run one of the tools in this process; "" or what it would print as it exits with 1."""
    monkeypatch.setattr(sys, "argv", [f"{tool}.py", *map(str, arguments)])
    monkeypatch.setattr("detectron2.engine.defaults.collect_env_info", str)  # takes a second
    loggers = [logging.getLogger(name) for name in ("fvcore", "audiodet", "LabGym.detectron2")]
    before = [(logger, logger.handlers[:], logger.propagate, logger.level) for logger in loggers]
    try:
        runpy.run_path(str(ROOT / "tools" / f"{tool}.py"), run_name="__main__")
    except SystemExit as end:
        return str(end.code)
    finally:  # pytest's log capture must find the loggers as they were
        for logger, handlers, propagate, level in before:
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(level)
    return ""
