"""The model that ships, on real recordings longer than a window."""

from pathlib import Path

import numpy as np
import pytest

from audiodet.audio.io import read_audio
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.inference.detector import Detector

RATE, SPACE = 44100, 6.0


def noise(seconds, seed):
    """Faint noise."""
    samples = np.random.default_rng(seed).normal(0, 3e-4, round(seconds * RATE))
    return samples.astype(np.float32)


@pytest.fixture(scope="module")
def scene(soundbank):
    """Two minutes: a sound of each class in turn every six seconds over faint noise."""
    clips = load_soundbank(soundbank).clips
    samples = noise(120, 0)
    for number in range(19):
        label = ("babycry", "glassbreak", "gunshot")[number % 3]
        event = [clip for clip in clips if clip.label == label][5 * (number // 3)]
        wave = read_audio(Path(soundbank) / event.path, RATE)[: round(4 * RATE)]
        first = round((2 + SPACE * number) * RATE)
        samples[first : first + len(wave)] += wave / np.abs(wave).max() / 2
    return samples


def clear(detector, samples):
    """Events that are far from the threshold, so that no rounding decides on them."""
    return [
        event
        for event in detector.detect(samples, RATE)
        if event.score > detector.thresholds[event.label] + 0.1
    ]


def share(found, expected, shift, cell) -> float:
    """Fraction of the expected events that are found, moved by ``shift`` s, to one cell."""
    hits = sum(
        any(
            e.label == f.label
            and abs(f.onset - e.onset - shift) <= cell
            and abs(f.offset - e.offset - shift) <= cell
            for f in found
        )
        for e in expected
    )
    return hits / len(expected)


def test_events_hardly_depend_on_where_windows_fall(scene):
    """Within two time steps: what else a window holds moves the ends of a long cry a little."""
    detector = Detector.from_pretrained("rcrnn_rare", "cpu")
    cell = 2 * detector.grid.cell / RATE
    expected = clear(detector, scene)
    assert len(expected) >= 10
    for shift in (0.05, 7.3, 13.0):
        moved = detector.detect(np.concatenate([noise(shift, 1), scene]), RATE)
        assert share(moved, expected, shift, cell) >= 0.9
    other = Detector(detector.model, window=20.0, overlap=8.0)
    assert share(other.detect(scene, RATE), expected, 0.0, cell) >= 0.9
