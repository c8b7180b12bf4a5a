"""Long recordings: the truth lies where the sounds are, and a detector that says it has F1 100."""

import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf

import long_recordings
from audiodet.data.mixing.rendering import render
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.errors import DataError
from audiodet.evaluation import load_clips
from audiodet.events import Event, decide
from audiodet.inference.detector import Detector
from audiodet.postprocessing.contrast import contrasted_nearby
from papers.long import (
    APART,
    contrasted_as_detected,
    hear,
    long_recipe,
    report,
    write_recording,
)

DEFAULTS = {"babycry": 0.5, "glassbreak": 0.4, "gunshot": 0.6}


@pytest.fixture(scope="module")
def recipe(synthetic_bank):
    clips = load_soundbank(synthetic_bank).select(folds=[2])
    return long_recipe(clips, "long.wav", 120.0, 10.0, seed=3)


@pytest.fixture(scope="module")
def truth(recipe, synthetic_bank, tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    return write_recording(recipe, synthetic_bank, folder), folder


def test_sounds_take_turns_apart_and_are_of_the_fold(recipe, synthetic_bank):
    bank = load_soundbank(synthetic_bank)
    own = {clip.path for clip in bank.select(folds=[2])}
    sounds = [*recipe.events, *recipe.distractors]
    labels = [event.label for event in recipe.events]
    assert len(recipe.distractors) == 6 and [labels.count(x) for x in DEFAULTS] == [2, 2, 2]
    assert {x.path for x in sounds} <= own
    assert {recipe.background.path, *recipe.background.chain} <= own
    assert {sound.ebr for sound in sounds} == {-6.0, 0.0, 6.0}
    sounds.sort(key=lambda sound: sound.start)
    for before, after in zip(sounds, sounds[1:]):
        assert after.start - before.end >= APART


def test_truth_is_where_the_events_are(recipe, truth, synthetic_bank):
    clip, folder = truth
    samples, rate = sf.read(folder / "long.wav")
    without = render(replace(recipe, more_events=()), synthetic_bank, rate)
    assert len(samples) == 120 * rate
    places = np.flatnonzero(np.abs(samples - without) > 1e-4)
    groups = np.split(places, np.flatnonzero(np.diff(places) > 0.9 * rate) + 1)
    assert len(groups) == len(clip.reference) == 6
    for group, event in zip(groups, clip.reference):
        assert event.onset - 1e-3 <= group[0] / rate < event.onset + 0.1
        assert event.offset - 0.5 < group[-1] / rate <= event.offset + 1e-3


def test_a_perfect_detector_and_one_with_false_alarms(truth):
    clip, _ = truth
    perfect = [event._replace(score=0.9) for event in clip.reference]
    for row in report([(replace(clip, candidates=perfect), DEFAULTS)])["default"].values():
        assert (row["precision"], row["recall"], row["F1"]) == (100, 100, 100)
        assert row["false alarms/h"] == 0
    late = perfect[0]._replace(onset=perfect[0].onset + 0.6, offset=perfect[0].offset + 0.6)
    extra = Event(0.0, 119.0, perfect[1].label, 0.61)
    heard = [(replace(clip, candidates=[late, *perfect[1:], extra]), DEFAULTS)]
    default, best, alike = report(heard).items()
    assert default[0] == "default" and default[1]["all"]["events"] == 6
    assert default[1]["all"]["false alarms/h"] == pytest.approx(2 * 30)  # two in two minutes
    assert default[1]["all"]["recall"] == pytest.approx(100 * 5 / 6)
    assert default[1]["all"]["precision"] == pytest.approx(100 * 5 / 7)
    assert best[1]["all"]["false alarms/h"] == pytest.approx(30)
    assert alike[0] == "10 false alarms/h"  # nearest to it, 0 or 30 of each label, is 0
    assert [row["false alarms/h"] for row in alike[1].values()] == [0, 0, 0, 0]


def test_thresholds_from_other_folds_do_not_see_their_own(truth):
    """False alarms of 0.7 in one fold alone: the other fold's factor cannot keep them out."""
    clip, _ = truth
    perfect = [event._replace(score=0.9) for event in clip.reference]
    noisy = [*perfect, *(Event(t, t + 1.0, "babycry", 0.7) for t in (0.0, 1.0))]
    alarms = {"babycry": 60.0, "glassbreak": 0.0, "gunshot": 0.0}
    for first, second in ((perfect, noisy), (noisy, perfect)):
        heard = [(replace(clip, candidates=x), DEFAULTS) for x in (first, second)]
        table = report(heard)["from other folds"]
        for label, an_hour in alarms.items():
            assert table[label]["false alarms/h"] == pytest.approx(an_hour / 2)
            assert table[label]["recall"] == 100


def test_a_crowd_of_candidates_is_contrasted_as_detect_does(truth):
    """A background that raises one candidate a second, some of them under detect's floor."""
    clip, _ = truth
    crowd = [Event(t, t + 0.9, "gunshot", 0.04 + 0.7 * (t % 2)) for t in range(100)]
    ((found, thresholds),) = contrasted_as_detected(
        [(replace(clip, candidates=crowd), DEFAULTS)], 1
    )
    kept = [event for event in crowd if event.score > 0.05]
    assert found.candidates == contrasted_nearby(kept, 1) and thresholds is DEFAULTS
    assert max(event.score for event in found.candidates) < 0.1


def test_too_many_sounds_are_refused(synthetic_bank):
    clips = load_soundbank(synthetic_bank).select(folds=[2])
    with pytest.raises(DataError, match="no place for .* expected fewer sounds"):
        long_recipe(clips, "long.wav", 30.0, 1.0, seed=3)


@pytest.mark.parametrize("error", [OSError(28, "No space left"), sf.LibsndfileError(2)])
def test_a_full_disk_leaves_nothing_half_written(
    recipe, synthetic_bank, tmp_path, monkeypatch, error
):
    def half(path, *args):
        path.write_bytes(b"RIFF")
        raise error

    monkeypatch.setattr(sf, "write", half)
    with pytest.raises(DataError, match="long.wav: cannot be written .*expected room for it"):
        write_recording(recipe, synthetic_bank, tmp_path)
    assert not list(tmp_path.iterdir())


def test_candidates_at_the_defaults_are_what_a_user_gets(truth):
    clip, folder = truth
    heard, thresholds = hear("rcrnn_rare_mini_fold2", clip, folder)
    detector = Detector.from_pretrained("rcrnn_rare_mini_fold2", device="cpu")
    assert thresholds == detector.thresholds
    assert decide(heard.candidates, thresholds) == detector.detect(folder / clip.name)
    assert len(heard.candidates) > len(decide(heard.candidates, thresholds))


def test_tool_prints_the_table_and_keeps_all(synthetic_bank, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", synthetic_bank)
    options = "--models rcrnn_rare_mini_fold{fold} --folds 0 1 --minutes 1 --every 10"
    arguments = ["long_recordings.py", *options.split(), "--output-dir", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    long_recordings.main(long_recordings.parse_args())
    printed = capsys.readouterr().out
    reports = json.loads((tmp_path / "long.json").read_text())
    figures = reports["rcrnn_rare_mini"]
    assert figures["default"]["all"]["events"] == 6
    assert "from other folds" in figures
    assert re.search(r"\| from other folds +\| all ", printed)
    assert set(reports) == {"rcrnn_rare_mini", "rcrnn_rare_mini, contrast 0.75"}
    for clip in load_clips(tmp_path / "rcrnn_rare_mini.jsonl"):
        assert sf.info(tmp_path / clip.name).duration == clip.duration == 60.0
