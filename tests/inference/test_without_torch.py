"""A light installation: what works without torch, and what a bad exported file is told."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
import soundfile as sf

from audiodet.cli import main
from audiodet.cli.doctor import TRAINING
from audiodet.errors import WeightsError
from audiodet.inference.on_onnx import OnnxModel
from audiodet.inference.opening import find_exported, open_model
from audiodet.inference.results import read_run
from audiodet.weights import SHIPPED
from tests.inference.light import ROOT, install, size_of

SHIPPED_FILE = SHIPPED / "audiodet_rare.onnx"
RATE = 44100
HEAVY = ("detectron2.config", "PIL", "yacs", *TRAINING)  # what a light installation lacks


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A folder with two wavs: noise bursts, and one of a minute and a half, across windows."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(3)
    for name, seconds in (("short", 9.0), ("long", 92.0)):
        wave = rng.normal(0, 0.005, round(seconds * RATE))
        for onset in np.arange(1.0, seconds - 1, 5.0):
            burst = np.exp(-np.arange(RATE // 2) / 3000) * rng.normal(0, 0.6, RATE // 2)
            wave[round(onset * RATE) :][: len(burst)] += burst
        sf.write(folder / f"{name}.wav", wave.clip(-1, 1), RATE)
    return folder


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    """An empty venv with a light installation of this checkout."""
    folder = tmp_path_factory.mktemp("light") / "venv"
    install(folder)
    return folder


@pytest.fixture(scope="module")
def light(venv):
    """Runs `audiodet` in the light installation."""

    def run(*arguments, stdin=None) -> subprocess.CompletedProcess:
        command = [f"{venv}/bin/python", "-m", "audiodet.cli", *map(str, arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, cwd=venv)

    return run


def test_it_is_light(venv):
    """No torch, nothing else of the extra "train", and at most 300 MB with audiodet itself."""
    names = {name.partition(".")[0] for name in HEAVY}
    code = f"from importlib.util import find_spec; print([m for m in {names} if find_spec(m)])"
    command = [f"{venv}/bin/python", "-P", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=venv)
    assert done.stdout.strip() == "[]"
    assert size_of(venv) + size_of(ROOT / "audiodet") <= 300


def test_the_same_events_as_with_torch(light, recordings, tmp_path):
    done = light("detect", recordings, "-o", tmp_path / "light", "--report")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "light" / "report" / "index.html").is_file()
    asked = ["detect", str(recordings), "-o", str(tmp_path / "torch"), "--engine", "torch"]
    assert main([*asked, "--device", "cpu", "--quiet"]) == 0
    ours, theirs = (read_run(tmp_path / name) for name in ("light", "torch"))
    # Of the same weights. (The configuration's hash is as old as the export: a key that is added
    # later changes torch's.)
    for parameters in (ours.parameters, theirs.parameters):
        parameters.pop("config_hash")
    assert ours.parameters == theirs.parameters
    assert len(ours.recordings) == 2 and sum(len(x.candidates) for x in ours.recordings) > 5
    for a, b in zip(ours.recordings, theirs.recordings):
        assert (a.source, a.duration, len(a.events)) == (b.source, b.duration, len(b.events))
        assert len(a.candidates) == len(b.candidates)
        for one, other in zip(a.candidates, b.candidates):
            assert one.label == other.label and abs(one.score - other.score) < 1e-4
            assert abs(one.onset - other.onset) < 1e-3 and abs(one.offset - other.offset) < 1e-3
    report = json.loads((tmp_path / "light" / "audiodet_run.json").read_text())
    assert report["engine"] == "onnxruntime" and "torch" not in report["versions"]
    for command in ("clips", "report"):
        done = light(command, tmp_path / "light", "-o", tmp_path / command)
        assert done.returncode == 0 and any((tmp_path / command).iterdir()), done.stderr


def test_an_ensemble_that_ships(light, recordings, tmp_path):
    recording = recordings / "short.wav"
    done = light("detect", recording, "--model", "audiodet_rare_voting", "-o", tmp_path / "light")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "light" / "audiodet_run.json").read_text())
    assert report["engine"] == "onnxruntime"
    assert b"audiodet_rare_voting" in light("models").stdout


def test_it_separates(light, recordings, tmp_path):
    done = light("separate", recordings / "short.wav", "-o", tmp_path / "sounds")
    assert done.returncode == 0, done.stderr
    asked = ["separate", str(recordings / "short.wav"), "-o", str(tmp_path / "torch")]
    assert main([*asked, "--device", "cpu"]) == 0
    ours, theirs = (sorted(p.name for p in (tmp_path / x).iterdir()) for x in ("sounds", "torch"))
    assert ours == theirs


def test_stream_models_doctor(light, recordings):
    samples, _ = sf.read(recordings / "short.wav", dtype="int16")
    done = light("stream", "--sample-rate", RATE, "--threshold", "0", stdin=samples.tobytes())
    assert done.returncode == 0, done.stderr
    assert all(json.loads(line)["event_label"] for line in done.stdout.splitlines())
    assert done.stdout
    listed = light("models")
    assert b"audiodet_rare" in listed.stdout and b"0.420" in listed.stdout
    assert light("doctor").returncode == 0


@pytest.mark.parametrize(
    "command, said",
    [
        (("train", "a", "b", "-o", "c"), "a light installation lacks. Run: pip install"),
        (("detect", "a.wav", "--model", "rcrnn_rare_mini_fold0"), "needs torch, which is not inst"),
        (("detect", "a.wav", "--engine", "torch"), "needs torch, which is not installed"),
        (
            ("detect", "a.wav", "--engine", "torch", "--model", "audiodet_rare_voting"),
            "audiodet_rare_voting: needs torch, which is not installed",
        ),
        (("detect", "a.wav", "--device", "cuda"), "runs on the CPU, expected cpu or auto"),
        (("export", "audiodet_rare", "-o", "x.onnx"), "audiodet export needs torch"),
    ],
)
def test_what_needs_torch_says_so_in_a_line(command, said, light, recordings):
    names = [recordings / "short.wav" if x == "a.wav" else x for x in command]
    done = light(*names)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("error: ") and said in line


def test_importing_the_command_imports_nothing_heavy():
    code = f"import audiodet.cli, sys; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def changed(folder, change) -> str:
    """A copy of the shipped file whose card is changed by a function."""
    proto = onnx.load(str(SHIPPED_FILE))
    (entry,) = proto.metadata_props
    card = json.loads(entry.value)
    change(card)
    entry.value = json.dumps(card)
    onnx.save(proto, str(folder / "changed.onnx"))
    return str(folder / "changed.onnx")


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda card: card.pop("labels"), "its description has labels None, expected a list"),
        (
            lambda card: card.update(labels=["a"]),
            "of 3 classes, expected 1 for the labels a",
        ),
        (lambda card: card.update(format=9), "its description has format 9, expected 1"),
        (lambda card: card["front_end"].update(sample_rate=0), "expected numbers for"),
        (lambda card: card["front_end"].update(sample_rate=8000, hop=80), "its front end is not"),
        (lambda card: card.pop("decoding"), "has decoding None, expected a dict"),
        (lambda card: card["decoding"].pop("stride"), "does not run (KeyError"),
    ],
)
def test_a_card_that_does_not_fit(change, said, tmp_path):
    path = changed(tmp_path, change)
    with pytest.raises(WeightsError) as error:
        OnnxModel(path)
    assert str(error.value).startswith(f"{path}: ") and said in str(error.value)


def test_a_file_of_a_stranger_and_half_a_file(recordings, tmp_path, capsys):
    proto = onnx.load(str(SHIPPED_FILE))
    del proto.metadata_props[:]
    onnx.save(proto, str(tmp_path / "stranger.onnx"))
    (tmp_path / "half.onnx").write_bytes(SHIPPED_FILE.read_bytes()[:100_000])
    wav = str(recordings / "short.wav")
    for name, said in (
        ("stranger", "carries no description, expected a file that `audiodet export` wrote"),
        ("half", "not a whole ONNX file"),
        ("gone", "no such file"),
    ):
        asked = ["detect", wav, "--model", f"{tmp_path}/{name}.onnx", "-o", f"{tmp_path}/{name}"]
        assert main(asked) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line and f"{name}.onnx" in line
        assert not (tmp_path / name).exists()


def test_which_file_a_name_means(tmp_path):
    """Beside a checkpoint an exported file counts only if it was made of it."""
    assert find_exported("audiodet_rare") == str(SHIPPED_FILE)
    assert find_exported("audiodet_rare_mini_fold0") is None
    folder = tmp_path / "mine"
    folder.mkdir()
    checkpoint = folder / "model.safetensors"
    checkpoint.write_bytes((SHIPPED / "audiodet_rare.safetensors").read_bytes())
    (folder / "model.onnx").write_bytes(SHIPPED_FILE.read_bytes())
    assert find_exported(str(folder)) == str(folder / "model.onnx")
    checkpoint.write_bytes(checkpoint.read_bytes() + b" ")
    assert find_exported(str(folder)) is None
    checkpoint.unlink()
    assert find_exported(str(folder)) == str(folder / "model.onnx")
    (folder / "thresholds.json").write_text(
        '{"thresholds": {"babycry": 0.1, "glassbreak": 0.2, "gunshot": 0.3}, "min_lengths": '
        '{"babycry": 1, "glassbreak": 0, "gunshot": 0}}'
    )
    model = open_model(str(folder))
    assert model.cfg.TEST.THRESHOLDS == [0.1, 0.2, 0.3] and model.cfg.TEST.MIN_LENGTHS[0] == 1
