"""Clips and strips of events."""

import io

import numpy as np
import pytest
import soundfile as sf
from PIL import Image

from audiodet.errors import AudioError
from audiodet.inference.curves import ScoreCurves
from audiodet.visualization.report import media
from tests.visualization.report.runs import RATE, write_recording


@pytest.mark.parametrize(
    "onset, offset, part",
    [
        (5.0, 6.0, (3.0, 5.0)),  # in the middle of five seconds
        (0.5, 1.0, (0.0, 5.0)),  # not before the beginning
        (59.0, 59.5, (55.0, 5.0)),  # not after the end
        (10.0, 18.0, (9.0, 10.0)),  # a second beside a long one
        (10.0, 50.0, (9.0, 20.0)),  # the begin of a very long one
    ],
)
def test_where_a_clip_lies(onset, offset, part):
    assert media.part_around(onset, offset, 60.0) == pytest.approx(part)


def test_a_clip_of_a_shorter_recording_is_all_of_it():
    assert media.part_around(0.5, 1.0, 2.0) == (0.0, 2.0)


@pytest.mark.parametrize("suffix", [".ogg", ".wav"])
def test_a_clip_sounds_as_its_recording_but_louder(suffix, tmp_path):
    write_recording(tmp_path / "a.wav")
    samples, rate = media.read_part(str(tmp_path / "a.wav"), 1.0, 3.0)
    assert (len(samples), rate) == (3 * RATE, RATE)
    clip, clip_rate = sf.read(io.BytesIO(media.encode_sound(samples, rate, suffix)))
    assert (len(clip), clip_rate) == (3 * RATE, RATE)
    assert np.abs(clip).max() == pytest.approx(0.9, abs=0.05)
    assert np.corrcoef(clip, samples)[0, 1] > 0.95


def test_silence_stays_silent():
    clip, _ = sf.read(io.BytesIO(media.encode_sound(np.zeros(RATE, np.float32), RATE, ".wav")))
    assert not clip.any()


def test_high_rates_are_brought_to_one_that_browsers_play(tmp_path):
    sf.write(tmp_path / "bat.wav", np.zeros(192000), 192000)
    samples, rate = media.read_part(str(tmp_path / "bat.wav"), 0.0, 0.5)
    assert (len(samples), rate) == (24000, 48000)


@pytest.mark.parametrize("hz", [500, 1000, 5000])
def test_a_tone_is_dark_at_its_place_and_time(hz, tmp_path):
    write_recording(tmp_path / "a.wav", hz)
    samples, rate = media.read_part(str(tmp_path / "a.wav"), 0.0, 5.0)
    strip = Image.open(io.BytesIO(media.encode_strip(samples, rate)))
    assert strip.size == (500, media.BANDS)
    grey = np.asarray(strip, float)
    place = media.scale_of(rate).place(hz)
    row = grey[:, 110:190].mean(axis=1).argmin()
    assert abs((1 - (row + 0.5) / media.BANDS) - place) < 0.02
    assert grey[row, 120:180].mean() < 0.5 * grey[row, 250:450].mean()


def test_ticks_stand_apart_and_rise():
    ticks = media.scale_of(44100).ticks()
    places = [place for _, place in ticks]
    assert [hz for hz, _ in ticks] == [200, 1000, 2000, 5000, 10000]
    assert np.diff(places).min() > 0.1 and 0 < places[0] and places[-1] < 1


def test_a_missing_recording_is_an_audio_error(tmp_path):
    with pytest.raises(AudioError, match="gone.wav"):
        media.read_part(str(tmp_path / "gone.wav"), 0.0, 1.0)


def test_a_curve_is_sampled_where_the_clip_lies():
    """Two steps of a second: the clip from 0.5 to 1.5 s has half of each."""
    scores = np.array([[0.9, 0.01, 0.0], [0.1, 0.01, 0.5]], np.float32)
    curves = ScoreCurves(("dog", "car", "cat"), np.array([0.0, 1.0, 2.0]), scores)
    assert media.sampled(curves, 0.5, 1.0) == {
        "dog": 50 * [90] + 50 * [10],
        "cat": 50 * [0] + 50 * [50],
    }
