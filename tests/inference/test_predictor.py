"""Files -> events: any rate, any length, any batch."""

import numpy as np
import pytest
import soundfile as sf
import soxr
import torch

from audiodet.audio.io import read_audio
from audiodet.errors import AudioError, ConfigError
from audiodet.inference.predictor import Predictor
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


@pytest.mark.parametrize("batch_size", [2, 8])
def test_batches_of_unequal_lengths_equal_one_by_one(batch_size, model, paths):
    predictor = Predictor(model)
    found = list(predictor(iter(paths), batch_size))
    assert [path for path, _ in found] == paths
    for path, events in found:
        ((_, alone),) = predictor([path])
        assert_same_events(events, alone)


@pytest.mark.parametrize("rate, channels", [(8000, 1), (22050, 1), (44100, 2), (48000, 1)])
def test_other_rates_and_channels_give_the_same_events(rate, channels, model, tmp_path):
    """One sound without anything above 4 kHz, at several rates."""
    samples = sound(2.0)
    sf.write(tmp_path / "a.wav", samples, RATE, "FLOAT")
    other = soxr.resample(samples, RATE, rate, quality="VHQ")
    sf.write(tmp_path / "b.wav", np.stack([other] * channels, axis=1), rate, "FLOAT")
    predictor = Predictor(model)
    paths = (tmp_path / "a.wav", tmp_path / "b.wav")
    features = [predictor.features(predictor.decode(path)) for path in paths]
    assert features[0]["width"] == features[1]["width"]
    assert features[0]["duration"] == pytest.approx(2.0, abs=1e-3)
    low = slice(0, 30)  # bands below 3 kHz; above 4 kHz is the resamplers' own noise
    a, b = (item["image"][0, low].numpy() for item in features)
    np.testing.assert_allclose(a, b, atol=0.1)
    assert features[1]["image"].shape == (1, 64, 126)


def test_steps_by_hand_equal_the_call(model, paths):
    predictor = Predictor(model)
    inputs = predictor.features(read_audio(paths[1], RATE))
    assert inputs["duration"] == pytest.approx(1.237) and inputs["height"] == 1
    ((_, events),) = predictor([paths[1]])
    assert_same_events(events, predictor.detect([inputs])[0], 0, 0)
    with torch.no_grad():
        instances = model([inputs])[0]["instances"]
    assert len(events) == len(instances)
    assert sorted(e.score for e in events) == pytest.approx(sorted(instances.scores.tolist()))


def test_events_end_where_the_clip_ends(model, paths):
    """The last frame reaches behind the clip; an event may not."""
    predictor, reached, cut = Predictor(model), 0, 0
    for path, events in predictor(paths):
        duration = sf.info(path).duration
        assert all(0 <= event.onset < event.offset <= duration for event in events)
        assert [event.onset for event in events] == sorted(event.onset for event in events)
        with torch.no_grad():
            raw = model([predictor.features(predictor.decode(path))])[0]["instances"].pred_boxes
        reached += (raw.tensor[:, 2] > duration).sum().item()
        cut += sum(event.offset == pytest.approx(duration, abs=1e-6) for event in events)
    assert cut >= reached > 0


def test_thresholds_and_best_event(model, paths):
    everything = dict(Predictor(model)(paths))
    for thresholds in (0.4, [0.4], [0.4, 0.3], {"tone": 0.3, "burst": 0.4}):
        chosen = dict(zip(LABELS, [0.4, 0.4 if thresholds in (0.4, [0.4]) else 0.3]))
        for path, events in Predictor(model, thresholds)(paths):
            assert events == [e for e in everything[path] if e.score >= chosen[e.label]]
    assert Predictor(model).thresholds == {"burst": 0.0, "tone": 0.0}
    with pytest.raises(ConfigError, match="'dog'"):
        Predictor(model, {"dog": 0.5})
    cfg = model.cfg.clone()
    cfg.merge_from_list(["TEST.BEST_EVENT_PER_CLIP", True])
    predictor = Predictor(model)
    predictor.cfg = cfg
    for path, events in predictor(paths):
        best = {
            label: max(e.score for e in everything[path] if e.label == label)
            for label in {e.label for e in everything[path]}
        }
        assert {e.label: e.score for e in events} == pytest.approx(best)


def test_too_short_and_unreadable_files_are_named(model, tmp_path):
    sf.write(tmp_path / "short.wav", np.zeros(400), RATE)
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError, match="short.wav: 400 samples at 16000 Hz, expected"):
        list(Predictor(model)([str(tmp_path / "short.wav")]))
    with pytest.raises(AudioError, match="text.wav"):
        list(Predictor(model)([str(tmp_path / "text.wav")]))
