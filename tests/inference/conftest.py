"""Models and recordings that the tests of inference share."""

import json
import os

import numpy as np
import pytest
import soundfile as sf
import torch

from audiodet.engine.checkpoint import CARD, describe
from audiodet.engine.trainer import Trainer
from tests.inference.sounds import sound
from tests.tiny import RATE, tiny_config, write_tiny_data


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """An untrained R-CRNN that sees sounds about as a trained one does, and finds many events."""
    data = write_tiny_data(tmp_path_factory.mktemp("predictor") / "tiny_predictor")
    torch.manual_seed(0)
    cfg = tiny_config(data, "output", "TEST.THRESHOLDS", "[0.0]", "TEST.BEST_EVENT_PER_CLIP", False)
    model = Trainer.build_model(cfg)
    model.clip_input.normalizer.mean.fill_(-5.0)
    model.clip_input.normalizer.std.fill_(3.0)
    torch.nn.init.normal_(model.proposal_generator.rpn_head.objectness_logits.weight, std=1.0)
    torch.nn.init.normal_(model.roi_heads.box_predictor.cls_score.weight, std=1.0)
    model.cfg = cfg
    return model.eval()


@pytest.fixture(scope="session")
def checkpoint(model, tmp_path_factory):
    """The model as a file."""
    from safetensors.torch import save_file

    path = tmp_path_factory.mktemp("checkpoint") / "tiny.safetensors"
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, str(path), {CARD: json.dumps(describe(model.cfg))})
    return str(path)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder of twelve short recordings, one of them longer than the tests' windows."""
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(12):
        seconds = 9.0 if number == 5 else 1.0 + number % 3
        sf.write(folder / f"{number:02}.wav", sound(seconds, number), RATE, "PCM_16")
    return folder


@pytest.fixture
def bad(folder, tmp_path):
    """A folder with two recordings and two files that are none."""
    path = tmp_path / "bad"
    path.mkdir()
    (path / "text.wav").write_text("no sound")
    (path / "void.flac").touch()
    for name in ("a.wav", "z.wav"):
        os.link(folder / "02.wav", path / name)
    return path


@pytest.fixture
def detect(checkpoint, capfd):
    """Runs ``audiodet detect`` in this process -> (exit code, stdout, stderr)."""
    from audiodet.cli import main

    def run(*arguments, window=4.0, overlap=1.5):
        options = ["--window", str(window), "--overlap", str(overlap), "--device", "cpu"]
        if "--weights" not in arguments:
            options += ["--model", checkpoint]
        capfd.readouterr()
        try:
            code = main(["detect", *options, *map(str, arguments)])
        except SystemExit as end:
            code = end.code
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return run


def rows(path) -> list[list[str]]:
    """Cells of a table without its header."""
    return [line.split("\t") for line in open(path, encoding="utf-8").read().splitlines()[1:]]


def silence(path, seconds=1.0, rate=RATE, channels=1):
    """A quiet recording."""
    sf.write(path, np.zeros((round(seconds * rate), channels)), rate)
    return str(path)
