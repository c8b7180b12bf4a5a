"""The demo on a few sounds: all its parts run, and it ends with what it promises."""

import argparse
import json
import re
import runpy

import numpy as np
import pytest
import soundfile as sf
from detectron2.data import MetadataCatalog

from audiodet.data.datasets import rare_mini
from tests.tiny import ROOT, run_tool

RATE = 8000
TINY = [
    "MODEL.CRNN.UNITS",
    "4",
    "MODEL.RPN.CONV_DIMS",
    "[8]",
    "MODEL.ROI_BOX_HEAD.FC_DIM",
    "8",
    "INPUT.AUDIO.SAMPLE_RATE",
    "8000",
    "INPUT.SPECTROGRAM.N_FFT",
    "512",
    "INPUT.SPECTROGRAM.NORMALIZE_CLIPS",
    "2",
    "SOLVER.MAX_ITER",
    "2",
    "SOLVER.IMS_PER_BATCH",
    "2",
    "SOLVER.VAL_PERIOD",
    "2",
    "DATALOADER.NUM_WORKERS",
    "0",
    "TEST.BOOTSTRAP",
    "0",
]


@pytest.fixture
def bank(tmp_path):
    """Four files of each class and of backgrounds; the sirens last 31 s, a mixture 30 s."""
    rng = np.random.default_rng(0)
    for label, seconds in (("knock", 0.5), ("siren", 31.0), ("backgrounds", 12.0)):
        (tmp_path / "bank" / label).mkdir(parents=True)
        for number in range(4):
            noise = rng.uniform(-0.2, 0.2, round(seconds * RATE))
            sf.write(tmp_path / "bank" / label / f"{number}.wav", noise, RATE)
    return tmp_path / "bank"


@pytest.fixture
def demo(monkeypatch):
    """The tool's functions, with the other tools run in this process on few clips."""
    monkeypatch.setenv("AUDIODET_SOUNDBANK", "")  # set by the demo, for as long as the test lasts
    for name in rare_mini.RARE_QUICK_NAMES:  # labels of another bank, known from another test
        MetadataCatalog.pop(name, None)
        MetadataCatalog.get(name).set(evaluator_type="sed")
    monkeypatch.setattr(rare_mini, "QUICK_TRAIN_CLIPS", 8)
    monkeypatch.setattr(rare_mini, "QUICK_CLIPS", 2)
    functions = runpy.run_path(str(ROOT / "tools" / "demo.py"), run_name="demo")

    def run(tool, *arguments):
        ended = run_tool(monkeypatch, *arguments, tool=tool.removesuffix(".py"))
        assert ended == "", ended

    functions["main"].__globals__["run"] = run
    yield functions["main"]
    for name in rare_mini.RARE_QUICK_NAMES:
        MetadataCatalog.pop(name, None)
        MetadataCatalog.get(name).set(evaluator_type="sed")


def test_the_demo_on_recordings_with_a_long_event(demo, bank, tmp_path, capsys):
    out = tmp_path / "out"
    demo(argparse.Namespace(soundbank=str(bank), output_dir=str(out), opts=TINY))
    said = capsys.readouterr()
    assert "3 events are longer than 15 s, only their beginning is mixed: siren/" in said.err
    assert re.search(r"About [\d.]+ minutes on this machine: 2 training steps of \d", said.out)
    assert said.out.index("About ") < said.out.index("Done, on")
    assert f"Done, on recordings of {bank}." in said.out
    assert len(list(out.glob("mixtures/data/mixture_data/devtrain/*/audio/*.wav"))) == 20
    metrics = out / "rcrnn" / "inference" / "rare_quick_test" / "metrics.json"
    scored = json.loads(metrics.read_text())
    assert scored["labels"] == ["knock", "siren"] and scored["clips"] == 4
    assert (out / "rcrnn" / "model_final.pth").is_file()
    assert list(out.glob("pictures/*.png"))
    heard = sorted(out.glob("listen/*.wav"))
    assert f"{out / 'listen'}   (at -6 dBFS" in said.out and heard[0].name in said.out
    for wav in heard:
        assert np.abs(sf.read(wav)[0]).max() == pytest.approx(0.5, abs=0.01)
    names = [wav.stem for wav in heard]
    with_events = [name for name in names if "no_event" not in name]
    assert with_events == names[: len(with_events)] and "_from_" in names[0]
