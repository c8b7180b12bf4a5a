"""A training of seconds, for killing."""

import logging
import os
import random
import sys
from pathlib import Path

import audiodet  # noqa: F401  first
import soundfile as sf
import torch
from detectron2.utils.env import seed_all_rng

from audiodet.data.datasets import setup_datasets
from audiodet.config.loading import load_config
from audiodet.engine.trainer import Trainer
from tortures.sounds import sound

ROOT = Path(__file__).resolve().parents[2]
RATE = 16000
CONFIG = """
_BASE_: "{root}/configs/rcrnn/Base-RCRNN.yaml"
INPUT: {{AUDIO: {{SAMPLE_RATE: 16000}}, SPECTROGRAM: {{N_FFT: 512, HOP: 256}}}}
MODEL:
  DEVICE: "cpu"
  CRNN: {{UNITS: 4}}
  RPN: {{CONV_DIMS: [8], BATCH_SIZE_PER_IMAGE: 16}}
  ROI_HEADS: {{BATCH_SIZE_PER_IMAGE: 8}}
  ROI_BOX_HEAD: {{FC_DIM: 8}}
DATASETS:
  CUSTOM: ["torture_train={folder}/train.tsv:{folder}"]
  LABELS: ["sound"]
  TRAIN: ["torture_train"]
  VAL: []
  TEST: []
SOLVER:
  IMS_PER_BATCH: 2
  MAX_ITER: 24
  CHECKPOINT_PERIOD: 3
  CHECKPOINTS_KEPT: 2
  VAL_PERIOD: 0
  BEST: {{METRIC: ""}}
  EARLY_STOP: {{PATIENCE: 0}}
DATALOADER: {{NUM_WORKERS: 0}}
"""


def write_training(folder: Path, rng: random.Random) -> str:
    """Clips, a label table and a configuration -> its path."""
    folder.mkdir(parents=True)
    lines = ["filename\tonset\toffset\tevent_label"]
    for number in range(6):
        sf.write(folder / f"{number}.wav", sound(2.0, rng.randrange(1 << 30), RATE), RATE)
        lines.append(f"{number}.wav\t0.{number + 1}\t1.{number + 1}\tsound")
    (folder / "train.tsv").write_text("\n".join(lines) + "\n")
    path = folder / "tiny.yaml"
    path.write_text(CONFIG.format(root=ROOT, folder=folder.resolve()))
    return str(path)


def train(config: str, output: str) -> None:
    """Train, or continue, to the end; stderr goes to a file beside ``output``."""
    torch.set_num_threads(1)
    number = os.open(f"{output}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(number, sys.stderr.fileno())
    logging.disable(logging.WARNING)
    cfg = load_config(config, ["OUTPUT_DIR", output])
    setup_datasets(cfg)
    os.makedirs(output, exist_ok=True)
    seed_all_rng(cfg.SEED)
    trainer = Trainer(cfg)
    trainer.resume_or_load(resume=True)
    trainer.train()
