"""A detection as a table and as a picture."""

import sys

import matplotlib.image
import numpy as np
import pytest
import soundfile as sf

from audiodet.cli import main
from audiodet.errors import AudioError, AudiodetError
from audiodet.events import Detection, Event
from audiodet.inference.detector import Detector
from tests.inference.sounds import bursts, sound
from tests.tiny import RATE

EVENTS = [Event(0.5, 1.0, "dog", 0.75, 100.0, 2000.0), Event(2.0, 3.0, "cat", 0.5)]


def test_a_table_of_pandas():
    found = Detection("a.wav", EVENTS[:1], 4.0, candidates=EVENTS)
    table = found.to_dataframe(candidates=True)
    assert list(table.columns) == [
        "filename",
        "onset",
        "offset",
        "event_label",
        "score",
        "low_hz",
        "high_hz",
    ]
    assert table.filename.tolist() == ["a.wav"] * 2 and table.event_label.tolist() == ["dog", "cat"]
    assert table.low_hz[0] == 100 and np.isnan(table.low_hz[1])
    assert len(found.to_dataframe()) == 1
    empty = Detection((np.zeros(3), 16000)).to_dataframe()
    assert len(empty) == 0 and empty.score.dtype == float


def test_without_pandas_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(AudiodetError, match="needs pandas, .* Run: pip install pandas"):
        Detection("a.wav").to_dataframe()


@pytest.fixture
def detector(model):
    return Detector(model, 0.3, window=4.0, overlap=1.5)


def dark_columns(path) -> np.ndarray:
    """Where the upper half of a picture is dark, as shares of its width."""
    pixels = matplotlib.image.imread(path)[..., :3]
    rows = pixels[: len(pixels) // 2, 110:-25]  # about the spectrogram's own
    dark = (rows.mean(axis=2) < 0.35).mean(axis=0)
    return np.flatnonzero(dark > 0.05) / rows.shape[1]


def test_a_picture_shows_the_part_that_is_asked_for(detector, tmp_path):
    """A loud burst at 6 s of 8 s: at three quarters of the whole, at a half of 5 to 7 s."""
    path = str(tmp_path / "a.wav")
    rng = np.random.default_rng(0)
    samples = bursts(8.0, [])
    part = slice(round(6.0 * RATE), round(6.3 * RATE))
    samples[part] += rng.normal(0, 0.3, part.stop - part.start)
    sf.write(path, samples, RATE)
    (found,) = detector.detect_many([path], with_scores=True)
    found.events = []  # boxes are blue and dark
    assert found.plot(tmp_path / "whole.png") == "0 to 8.00 s of 8.00 s"
    assert np.median(dark_columns(tmp_path / "whole.png")) == pytest.approx(6.15 / 8, abs=0.04)
    found.plot(tmp_path / "part.png", start=5.0, seconds=2.0)
    assert np.median(dark_columns(tmp_path / "part.png")) == pytest.approx(1.15 / 2, abs=0.06)
    with pytest.raises(AudioError, match="start at 9"):
        found.plot(tmp_path / "none.png", start=9.0)
    assert not (tmp_path / "none.png").exists()


def test_samples_are_drawn_too_and_a_failure_says_why(detector, tmp_path):
    (found,) = detector.detect_many([(sound(3.0), RATE)])
    assert found.plot(tmp_path / "a.png", truth=[Event(1, 2, "tone")]).endswith("of 3.00 s")
    assert (tmp_path / "a.png").stat().st_size > 10_000
    (found,) = detector.detect_many(["nowhere.wav"])
    assert isinstance(found.error, AudioError)
    with pytest.raises(AudioError, match="nowhere.wav: no such file"):
        found.plot(tmp_path / "b.png")


def test_plot_command(bad, checkpoint, tmp_path, capsys):
    options = ["--model", checkpoint, "--device", "cpu"]
    assert main(["plot", str(bad), "-o", str(tmp_path / "out"), *options]) == 3
    said = capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "z.png"]
    assert "text.wav: not audio" in said and "0 to 3.00 s of 3.00 s" in said
    one = str(tmp_path / "one.svg")
    assert main(["plot", str(bad / "a.wav"), "-o", one, *options]) == 0
    assert "<svg" in (tmp_path / "one.svg").read_text()[:500]
    options += ["--engine", "onnxruntime"]
    assert main(["plot", str(bad / "a.wav"), "-o", one, *options]) == 1
    assert "no exported file" in capsys.readouterr().err
