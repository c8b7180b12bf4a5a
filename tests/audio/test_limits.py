"""Warnings of a missing band and of clipping: once a recording, which is used all the same."""

import re

import numpy as np
import pytest
import soundfile as sf

from audiodet.audio import notes
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
    limits.hear(np.zeros((1, 2)))
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


def words_on(samples, rate=RATE, pieces=3) -> list[str]:
    limits = Limits("a.wav", rate, RATE)
    for piece in np.array_split(samples, pieces):
        limits.hear(piece)
    return list(limits.found().values())


LOUD = np.random.default_rng(0).normal(size=3 * RATE) * 0.1
SPEECH = tone(3.0, gain=0.3)
LIMITED = {
    "inverted": (
        np.stack([SPEECH, -SPEECH], 1),
        "the mean of its 2 channels has 0.0% of the power",
    ),
    "nearly inverted": (np.stack([SPEECH, -0.8 * SPEECH], 1), "they cancel"),
    "scaled to 16 bits": (SPEECH * 32768, "samples up to 9830.*, expected -1 to 1"),
    "silent": (np.zeros(3 * RATE), r"3\.0 s of nothing but zeros"),
    "a gap": (np.where(np.arange(3 * RATE) // RATE < 2, 0, LOUD), r"2\.0 s of nothing but zeros"),
    "compressed bytes": (
        np.random.default_rng(0).integers(-32768, 32767, 3 * RATE) / 32768,
        "samples like dice at full scale",
    ),
}


@pytest.mark.parametrize("case", LIMITED)
def test_heard_but_useless_is_said(case):
    samples, words = LIMITED[case]
    found = words_on(samples)
    assert len(found) == 1 and re.search(words, found[0])


@pytest.mark.parametrize(
    "samples",
    [
        SPEECH,
        LOUD,
        np.stack([SPEECH, LOUD], 1),
        np.stack([SPEECH, 0 * SPEECH], 1),
        np.stack([SPEECH, -0.3 * SPEECH], 1),
        np.where(np.arange(3 * RATE) < RATE // 2, 0, LOUD),  # half a second of zeros
    ],
)
def test_what_is_fine_is_not_said(samples):
    assert words_on(samples) == []
    assert words_on(samples.astype(np.float32), pieces=100) == []


def test_of_many_warnings_the_first_are_said_and_the_others_counted(caplog):
    with notes.in_batch():
        for number in range(10000):
            Limits(f"{number}.wav", 8000, RATE).warn()
    assert len(caplog.messages) == notes.SHOWN + 1
    assert caplog.messages[-1] == "9,995 more warnings of recordings that are sampled at a low rate"
