"""The detector's steps alone, on whole clips: any rate, any length, any batch."""

import numpy as np
import pytest
import soundfile as sf
import soxr
import torch

from audiodet.audio.io import read_audio
from audiodet.errors import AudioError
from audiodet.events import decide
from audiodet.inference.detector import Detector
from tests.inference.sounds import sound
from tests.tiny import LABELS, RATE


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Five files of five lengths, at the model's rate."""
    folder, found = tmp_path_factory.mktemp("sounds"), []
    for i, seconds in enumerate([2.0, 1.237, 3.1, 2.0, 0.5]):
        found.append(str(folder / f"{i}.wav"))
        sf.write(found[-1], sound(seconds, i), RATE, "FLOAT")
    return found


def assert_same_events(found, expected, seconds=1e-4, score=1e-4):
    assert len(found) == len(expected) > 0
    for ours, theirs in zip(found, expected):
        assert ours.label == theirs.label
        assert ours[:2] == pytest.approx(theirs[:2], abs=seconds)
        assert ours.score == pytest.approx(theirs.score, abs=score)


def features_of(detector, path) -> dict:
    return detector.features(read_audio(str(path), RATE), str(path))


@pytest.mark.parametrize("batch_size", [2, 8])
def test_batches_of_unequal_lengths_equal_one_by_one(batch_size, model, paths):
    detector = Detector(model)
    inputs = [features_of(detector, path) for path in paths]
    for start in range(0, len(paths), batch_size):
        batch = inputs[start : start + batch_size]
        for clip, events in zip(batch, detector.candidates(batch), strict=True):
            (alone,) = detector.candidates([clip])
            assert_same_events(sorted(events), sorted(alone))


@pytest.mark.parametrize("rate, channels", [(8000, 1), (22050, 1), (44100, 2), (48000, 1)])
def test_other_rates_and_channels_give_the_same_events(rate, channels, model, tmp_path):
    """One sound without anything above 4 kHz, at several rates."""
    samples = sound(2.0)
    sf.write(tmp_path / "a.wav", samples, RATE, "FLOAT")
    other = soxr.resample(samples, RATE, rate, quality="VHQ")
    sf.write(tmp_path / "b.wav", np.stack([other] * channels, axis=1), rate, "FLOAT")
    detector = Detector(model)
    features = [features_of(detector, tmp_path / name) for name in ("a.wav", "b.wav")]
    assert features[0]["width"] == features[1]["width"]
    assert features[0]["duration"] == pytest.approx(2.0, abs=1e-3)
    low = slice(0, 30)  # bands below 3 kHz; above 4 kHz is the resamplers' own noise
    a, b = (item["image"][0, low].numpy() for item in features)
    np.testing.assert_allclose(a, b, atol=0.1)
    assert features[1]["image"].shape == (1, 64, 126)


def test_steps_by_hand_equal_the_call(model, paths):
    detector = Detector(model)
    inputs = detector.features(read_audio(paths[1], RATE))
    assert inputs["duration"] == pytest.approx(1.237) and inputs["height"] == 1
    events = detector.detect(paths[1])
    (candidates,) = detector.candidates([inputs])
    assert_same_events(events, decide(candidates, detector.thresholds), 0, 0)
    with torch.no_grad():
        instances = model([inputs])[0]["instances"]
    assert len(events) == len(instances)
    assert sorted(e.score for e in events) == pytest.approx(sorted(instances.scores.tolist()))


def test_events_end_where_the_clip_ends(model, paths):
    """The last frame reaches behind the clip; an event may not."""
    detector = Detector(model)
    reached = 0
    cut = 0
    for path in paths:
        events = detector.detect(path)
        duration = sf.info(path).duration
        assert all(0 <= event.onset < event.offset <= duration for event in events)
        assert [event.onset for event in events] == sorted(event.onset for event in events)
        with torch.no_grad():
            raw = model([features_of(detector, path)])[0]["instances"].pred_boxes
        reached += (raw.tensor[:, 2] > duration).sum().item()
        cut += sum(event.offset == pytest.approx(duration, abs=1e-6) for event in events)
    assert cut >= reached > 0


def test_thresholds_of_every_form(model, paths):
    everything = {path: Detector(model).detect(path) for path in paths}
    for thresholds in (0.4, [0.4], [0.4, 0.3], {"tone": 0.3, "burst": 0.4}):
        chosen = dict(zip(LABELS, [0.4, 0.4 if thresholds in (0.4, [0.4]) else 0.3]))
        detector = Detector(model, thresholds)
        assert detector.thresholds == chosen
        for path in paths:
            expected = [e for e in everything[path] if e.score >= chosen[e.label]]
            assert detector.detect(path) == expected
    assert Detector(model).thresholds == {"burst": 0.0, "tone": 0.0}


def test_too_short_and_unreadable_files_are_named(model, tmp_path):
    sf.write(tmp_path / "short.wav", np.zeros(400), RATE)
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError, match="short.wav: 400 samples at 16000 Hz, expected"):
        Detector(model).detect(tmp_path / "short.wav")
    with pytest.raises(AudioError, match="text.wav"):
        Detector(model).detect(tmp_path / "text.wav")
