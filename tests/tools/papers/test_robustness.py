"""Changed recordings, worked by hand, and the table from a model that is always right."""

import json
import sys

import numpy as np
import pytest

import robustness as tool
from audiodet.audio.limits import Limits
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.events import Detection, Event
from papers import robustness
from papers.robustness import GAP, RATE, at_level, at_rate, changes, clipped, crowded_recipes


def tone(hertz=440, gain=0.1):
    return (gain * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)).astype(np.float32)


def test_levels_rates_and_clipping():
    loud, rate = at_level(tone(), -10)
    assert rate == RATE and 20 * np.log10(loud.std()) == pytest.approx(-10, abs=0.01)
    slow, rate = at_rate(tone(6000), 8000)
    assert (len(slow), rate) == (8000, 8000) and slow.std() < 1e-3  # above its 4 kHz
    cut, rate = clipped(tone(), 6)
    expected = np.clip(tone(gain=10 ** (6 / 20)), -1, 1)
    np.testing.assert_allclose(cut, expected, atol=1e-3)
    limits = Limits("cut", RATE, RATE)
    limits.hear(cut)
    assert limits.clipped > 0.5 * RATE
    assert len(changes()) == 1 + 5 + 7 + 2


def test_events_follow_each_other_by_three_seconds(synthetic_bank):
    clips = load_soundbank(synthetic_bank).select(folds=[1])
    recipes = crowded_recipes(clips, 6)
    assert len({recipe.name for recipe in recipes}) == 6
    for recipe in recipes:
        assert len(recipe.events) >= 3 and recipe.events[-1].end <= recipe.duration
        for before, after in zip(recipe.events, recipe.events[1:]):
            assert after.start - before.end == pytest.approx(GAP)


def test_the_table_of_a_model_that_is_always_right(synthetic_bank, tmp_path, monkeypatch, capsys):
    """It tells no level from another; it warns where audiodet.inference does."""
    monkeypatch.setenv("AUDIODET_SOUNDBANK", synthetic_bank)
    truth = {}

    class Right(robustness.Listener):
        def __init__(self, name):
            self.detector = self
            self.thresholds = dict.fromkeys(robustness.RARE_LABELS, 0.5)

        def counts(self, clip, source):
            truth["events"] = [Event(*event[:3], 0.9) for event in clip.reference]
            return super().counts(clip, source)

        def detect_many(self, sources, workers):
            if isinstance(sources[0], tuple):
                samples, rate = sources[0]
                limits = Limits("array", rate, 44100)
                limits.hear(samples)
                limits.warn()
            yield Detection(sources[0], truth["events"])

    monkeypatch.setattr(tool, "Listener", Right)
    options = ["--folds", "0", "1", "--clips", "6", "--minutes", "3", "--model", "m_fold{fold}"]
    arguments = ["robustness.py", "--output-dir", str(tmp_path), *options]
    monkeypatch.setattr(sys, "argv", arguments)
    tool.main(tool.parse_args())
    table = json.loads((tmp_path / "m.json").read_text())
    assert len(table) == 15 + 3 and "| 192 kHz " in capsys.readouterr().out
    assert {row["F1 %"] for row in table.values()} == {100.0}
    assert {row["false alarms/h"] for row in table.values()} == {0.0}
    warned = {name for name, row in table.items() if row["warned %"] == 100}
    assert {"8 kHz", "16 kHz", "22.05 kHz", "clipped 20 dB under the peak"} <= warned
    assert not warned & {"as it is", "RMS -10 dBFS", "32 kHz", "events 3 s apart"}
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]
