"""Warnings of a missing band and of clipping: once a recording, which is used all the same."""

import numpy as np
import pytest
import soundfile as sf

from audiodet.audio.io import read_audio, read_blocks
from audiodet.audio.limits import Limits

RATE = 44100


def tone(seconds=1.0, rate=RATE, gain=0.5):
    time = np.arange(round(seconds * rate)) / rate
    return np.clip(gain * np.sin(2 * np.pi * 200 * time), -1, 1)


def said(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("form", ["PCM_16", "PCM_24", "FLOAT"])
def test_clipping_is_counted_in_the_files_own_samples(tmp_path, form, caplog):
    """Of a sine clipped at half its height two thirds of the samples stay at full scale."""
    path = tmp_path / "a.wav"
    sf.write(path, tone(gain=2.0), RATE, form)
    limits = Limits("a.wav", RATE, 32000)
    read_audio(path, 32000, limits=limits)
    assert limits.clipped == pytest.approx(RATE * 2 / 3, rel=0.02)
    limits.warn()
    assert said(caplog) == [
        f"a.wav: clipped, {limits.clipped} samples stay at full scale, expected a lower level; "
        "onsets and scores may be wrong"
    ]
    blocks = Limits("a.wav", RATE, 32000)
    list(read_blocks(path, 32000, 0.25, blocks))
    assert blocks.clipped == limits.clipped


@pytest.mark.parametrize("gain", [0.5, 1.0])
def test_loud_is_not_clipped(gain, caplog):
    limits = Limits("a.wav", RATE, RATE)
    limits.hear(np.round(tone(gain=gain) * 32767).astype(np.float32)[:, None] / 32768)
    limits.hear(np.ones((1, 2)))  # a single peak of both channels
    limits.warn()
    assert said(caplog) == []


@pytest.mark.parametrize("rate, model, missing", [(8000, 44100, 4000), (22050, 32000, 11025)])
def test_a_missing_band(rate, model, missing, caplog):
    Limits("a.wav", rate, model).warn()
    assert said(caplog) == [
        f"a.wav: sampled at {rate} Hz, expected at least 32000 Hz; the band above {missing} Hz is "
        "missing, and sounds may be missed"
    ]


@pytest.mark.parametrize("rate, model", [(32000, 44100), (192000, 44100), (16000, 16000)])
def test_nothing_is_missing(rate, model, caplog):
    Limits("a.wav", rate, model).warn()
    assert said(caplog) == []
