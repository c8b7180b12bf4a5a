"""An exported model says what torch says, of any length: torch is the truth."""

import json
from itertools import chain

import numpy as np
import pytest
import torch

from audiodet.cli import main
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.export.write import export
from audiodet.inference.detector import Detector
from audiodet.inference.loading import load_model
from audiodet.inference.on_onnx import OnnxModel
from audiodet.inference.opening import open_model
from audiodet.inference.separation import Separator
from audiodet.modeling.stock import build_model
from audiodet.weights import shipped_names
from tests.systems import RATE, SYSTEMS, build, save, save_verifier

# Its front end has no other rate; sounds are those of the others, an octave higher.
MN04 = ["INPUT.AUDIO.SAMPLE_RATE", 32000, "INPUT.SPECTROGRAM.N_FFT", 1024]
MN04 += ["INPUT.SPECTROGRAM.HOP", 320]
EXTRA = [
    ("pretrained/mn04_audiomask", MN04),
    ("crnn/poly_mini_fnn", []),
    ("audiomask/R_18_fused", ["MODEL.FUSION.VERIFIER", "{verifier}", "MODEL.FUSION.WINDOW", "box"]),
    ("rcrnn/rare_fused", ["MODEL.FUSION.VERIFIER", "{tagger}", "MODEL.CRNN.RNN", "gru"]),
]
SCORE, ONSET = 1e-4, 1e-3  # how far an exported model may be off, the second in seconds


def sound(seconds: float, rate: int, seed: int = 0) -> np.ndarray:
    """Noise with a tone and a click in it."""
    rng = np.random.default_rng(seed)
    wave = rng.normal(0, 0.05, round(seconds * rate))
    part = slice(len(wave) // 3, len(wave) // 2)
    wave[part] += 0.3 * np.sin(2 * np.pi * 1000 / rate * np.arange(len(wave[part])))
    return wave.astype(np.float32)


def by_label(event) -> tuple:
    """A key to sort by, in which rounding swaps nothing."""
    return event.label, event.onset, event.offset


def same(ours: list, theirs: list) -> None:
    """The candidates of two ways to run a model, but for rounding."""
    assert len(ours) == len(theirs)
    for a, b in zip(sorted(ours, key=by_label), sorted(theirs, key=by_label)):
        assert a.label == b.label
        assert abs(a.onset - b.onset) < ONSET and abs(a.offset - b.offset) < ONSET
        assert abs(a.score - b.score) < SCORE
        assert (a.low_hz, a.high_hz) == pytest.approx((b.low_hz, b.high_hz))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """What fused systems ask for: a verifier, or a frame-level system on R-CRNN's layers."""
    folder = tmp_path_factory.mktemp("verifier")
    tagger = save(build("rcrnn/frame_control"), folder, "tagger")
    return {"{verifier}": save_verifier(folder), "{tagger}": tagger}


@pytest.mark.parametrize(
    "name, opts", SYSTEMS + EXTRA, ids=lambda x: x if isinstance(x, str) else ""
)
def test_every_system(name, opts, saved, tmp_path):
    model = build(name, *(saved.get(str(opt), opt) for opt in opts))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    export(model, tmp_path / "model.onnx")
    assert before.keys() == model.state_dict().keys()  # the model itself is as it was
    exported = OnnxModel(str(tmp_path / "model.onnx"))
    by_torch = Detector(model, 0.0, floor=0.0)
    by_onnx = Detector(exported, 0.0, floor=0.0)
    assert by_torch.grid == by_onnx.grid and by_torch.labels == by_onnx.labels
    assert by_torch.runner.identity() == by_onnx.runner.identity()
    found = 0
    for seconds in (0.1, 0.71, 4.0, 11.3):  # the second of which is no whole number of steps
        wave = sound(seconds, RATE)
        (theirs,) = by_torch.listen([by_torch.features(wave)])
        (ours,) = by_onnx.listen([by_onnx.features(wave)])
        same(ours.events, theirs.events)
        found += len(ours.events)
        if theirs.scores is not None:
            np.testing.assert_allclose(ours.scores, theirs.scores, atol=SCORE)
            np.testing.assert_allclose(ours.edges, theirs.edges, atol=1e-9)
    assert found


def test_masks_separate_alike(tmp_path):
    model = build("tfseg/remix_mini", "INPUT.SPECTROGRAM.F_MAX", 8000.0)
    export(model, tmp_path / "model.onnx")
    wave = sound(3.0, RATE)
    theirs = Separator(model, 0.0).separate(wave)
    ours = Separator(OnnxModel(str(tmp_path / "model.onnx")), 0.0).separate(wave)
    assert ours.keys() == theirs.keys() and ours
    for label, samples in theirs.items():
        np.testing.assert_allclose(ours[label], samples, atol=1e-4)


@pytest.mark.parametrize("name", shipped_names(".onnx"))
def test_models_that_ship(name, soundbank_clips):
    """Of real sounds where the bank is present; in batches of several sizes, also across windows.

    Torch computes in float32 here, as an exported model always does.
    """
    model = load_model(name, device="cpu")
    for part in chain.from_iterable(x.modules() for x in (model, *model.verifiers)):
        if getattr(part, "precision", "float32") != "float32":
            part.precision = "float32"
    by_torch = Detector(model)
    theirs = list(by_torch.detect_many(soundbank_clips, with_scores=True))
    by_onnx = Detector(open_model(name, engine="onnxruntime"))
    assert by_onnx.thresholds == by_torch.thresholds
    for size in (1, 3):
        found = by_onnx.detect_many(soundbank_clips, batch_size=size, with_scores=True)
        for ours, truth in zip(found, theirs):
            same(ours.candidates, truth.candidates)
            np.testing.assert_allclose(ours.scores.scores, truth.scores.scores, atol=SCORE)
    assert max(truth.scores.scores.max() for truth in theirs) > 0.02


@pytest.mark.parametrize("name", shipped_names(".onnx"))
def test_what_ships_was_made_of_what_ships(name):
    """Both files of a model hold the same weights; `audiodet export` makes the second again."""
    exported = open_model(name, engine="onnxruntime")
    model = load_model(name, device="cpu")
    theirs = Detector(model).runner.identity()
    ours = exported.identity()
    assert ours["weights_hash"] == theirs["weights_hash"]
    assert exported.card["labels"] == list(model.cfg.DATASETS.LABELS)
    assert exported.cfg.TEST.THRESHOLDS == list(model.cfg.TEST.THRESHOLDS)


def test_the_command_and_torchscript(tmp_path, capsys):
    wave = torch.from_numpy(sound(3.0, 32000))
    assert main(["export", "audiodet_rare", "-o", str(tmp_path / "model.pt"), "--torchscript"]) == 0
    extra = {"audiodet.json": ""}
    script = torch.jit.load(str(tmp_path / "model.pt"), _extra_files=extra)
    card = json.loads(extra["audiodet.json"])
    assert card["labels"] == ["babycry", "glassbreak", "gunshot"]
    frames, scores = script(wave)
    ours = open_model("audiodet_rare", engine="onnxruntime").run(wave.numpy())
    assert frames == ours["frames"]
    np.testing.assert_allclose(scores.detach().numpy(), ours["scores"], atol=SCORE)
    assert main(["export", "nothing", "-o", str(tmp_path / "x.onnx")]) == 1
    assert "nothing: no such model or file" in capsys.readouterr().err
    assert not (tmp_path / "x.onnx").exists()


def test_a_system_that_is_not_exported(tmp_path):
    cfg = load_config("configs/rcrnn/rare.yaml", ["MODEL.META_ARCHITECTURE", "GeneralizedRCNN"])
    model = build_model(cfg)
    model.cfg = cfg
    with pytest.raises(ConfigError, match="GeneralizedRCNN: is not exported, expected a frame-lev"):
        export(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
