"""Levels in a band, worked by hand on tones."""

import numpy as np
import pytest

from audiodet.data.mixing.levels import as_loud, band_of, rms, rms_in

RATE = 8000
TIME = np.arange(2 * RATE) / RATE


def tone(hertz, amplitude):
    return (amplitude * np.sin(2 * np.pi * hertz * TIME)).astype(np.float32)


def test_levels_of_two_tones():
    both = tone(500, 0.4) + tone(2000, 0.2)
    assert rms(both) == pytest.approx(np.sqrt(0.08 + 0.02), rel=1e-3)
    assert rms_in(both, (0, 4000), RATE) == pytest.approx(rms(both), rel=1e-3)
    assert rms_in(both, (1500, 2500), RATE) == pytest.approx(0.2 / np.sqrt(2), rel=1e-3)
    assert band_of(both, RATE) == pytest.approx((500, 2000), abs=2)
    assert band_of(tone(500, 0.4) + tone(2000, 0.05), RATE) == pytest.approx((500, 500), abs=2)


def test_noise_as_loud_as_a_tone_is_loud_in_the_tones_band_only():
    noise = tone(500, 0.01) + tone(3000, 0.3)
    scaled = as_loud(noise, tone(500, 0.1)[:RATE], RATE, ratio_db=6.0)
    factor = 10 * 10 ** (6 / 20)
    np.testing.assert_allclose(scaled, noise * factor, rtol=1e-3)
