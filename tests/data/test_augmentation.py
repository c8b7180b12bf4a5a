"""Augmentation and crops, against what is promised in dB, cells and seconds."""

import numpy as np
import pytest

from audiodet.config import get_cfg
from audiodet.data.augmentation import augment, change_level, choose_crop, mask_strips


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def log_mel(rng, bands=64, frames=100):
    return rng.normal(-8, 2, (bands, frames)).astype(np.float32)


def decibels(before, after):
    """Change of power in dB from natural logarithms of power."""
    return 10 * np.log10(np.exp(after.astype(np.float64)) / np.exp(before.astype(np.float64)))


def test_gain_is_one_number_in_decibels(rng):
    gains = []
    for _ in range(300):
        before = log_mel(rng, 8, 5)
        change = decibels(before, change_level(before.copy(), rng, 6.0, 0.0))
        np.testing.assert_allclose(change, change[0, 0], atol=1e-4)
        gains.append(change[0, 0])
    assert -6 <= min(gains) < -5.5 and 5.5 < max(gains) <= 6


def test_equaliser_is_smooth_and_the_same_in_every_frame(rng):
    curves = []
    for _ in range(300):
        before = log_mel(rng, 65, 5)
        change = decibels(before, change_level(before.copy(), rng, 0.0, 4.0))
        np.testing.assert_allclose(change, np.repeat(change[:, :1], 5, axis=1), atol=1e-4)
        curves.append(change[:, 0])
    curves = np.array(curves)
    assert np.abs(curves).max() <= 4 + 1e-4 and np.abs(curves).max() > 3.5
    assert np.abs(np.diff(curves)).max() <= 8 / 16 + 1e-4  # knots are 16 bands apart
    assert curves.std(axis=0).min() > 1  # every band changes


@pytest.mark.parametrize("axis, size", [(0, 64), (1, 100)])
def test_strips_hold_each_bands_mean(axis, size, rng):
    """At most count strips of at most width cells; every cell has its turn, the last, too."""
    hit, most = np.zeros(size, bool), 0
    for _ in range(2000):
        before = log_mel(rng, 64, 100)
        after = mask_strips(before.copy(), rng, axis, 2, 7)
        changed = np.moveaxis(before != after, axis, 0).reshape(size, -1)
        rows = changed.any(axis=1)
        assert changed[rows].mean() > 0.95 if rows.any() else True
        mean = np.broadcast_to(before.mean(axis=1, keepdims=True), before.shape)
        assert np.array_equal(np.where(before != after, after, mean), mean)
        hit |= rows
        most = max(most, rows.sum())
    assert hit.all() and most == 14


def test_strip_longer_than_the_clip(rng):
    before = log_mel(rng, 4, 3)
    for _ in range(50):
        assert mask_strips(before.copy(), rng, 1, 1, 10).shape == (4, 3)


def test_everything_off_is_the_identity(rng):
    before = log_mel(rng)
    assert np.array_equal(augment(before.copy(), rng, get_cfg().INPUT.SPEC_AUGMENT), before)


def test_each_setting_reaches_its_part(rng):
    for key, value in (("TIME_MASKS", 1), ("FREQ_MASKS", 1), ("GAIN_DB", 6.0), ("EQ_DB", 6.0)):
        cfg = get_cfg()
        cfg.INPUT.SPEC_AUGMENT[key] = value
        before = log_mel(rng)
        changed = before != augment(before.copy(), np.random.default_rng(3), cfg.INPUT.SPEC_AUGMENT)
        expected = {
            "TIME_MASKS": changed.all(axis=0).sum() > 0 and changed.all(axis=0).sum() <= 20,
            "FREQ_MASKS": changed.all(axis=1).sum() > 0 and changed.all(axis=1).sum() <= 8,
        }
        assert expected.get(key, changed.all()), key


def test_crop_lies_inside_the_clip(rng):
    events = [(0.0, 1.0), (29.0, 30.0), (10.0, 25.0)]
    for fraction in (0.0, 0.5, 1.0):
        starts = [choose_crop(30.0, 10.0, events, rng, fraction) for _ in range(500)]
        assert 0 <= min(starts) and max(starts) <= 20.0
    assert max(starts) - min(starts) > 19


def test_crop_around_an_event_holds_all_of_it_or_is_filled_by_it(rng):
    for onset, offset in ((12.0, 13.5), (3.0, 28.0)):
        starts = [choose_crop(30.0, 10.0, [(onset, offset)], rng, 1.0) for _ in range(300)]
        inside = [min(s + 10.0, offset) - max(s, onset) for s in starts]
        np.testing.assert_allclose(inside, min(10.0, offset - onset), atol=1e-9)
        assert np.ptp(starts) > 0.9 * abs(10.0 - (offset - onset))  # anywhere, not only centred


def test_fraction_of_crops_around_events(rng):
    """An event of 0.1 s in 100 s: chance finds it in 1 % of crops of 1 s, the fraction in 70 %."""
    starts = [choose_crop(100.0, 1.0, [(50.0, 50.1)], rng, 0.7) for _ in range(2000)]
    found = np.mean([s <= 50.0 and s + 1.0 >= 50.1 for s in starts])
    assert found == pytest.approx(0.7, abs=0.05)


def test_events_take_turns(rng):
    events = [(10.0, 10.5), (50.0, 50.5), (90.0, 90.5)]
    starts = np.array([choose_crop(100.0, 1.0, events, rng, 1.0) for _ in range(600)])
    for onset, offset in events:
        share = np.mean((starts <= onset) & (starts + 1.0 >= offset))
        assert share == pytest.approx(1 / 3, abs=0.08)


@pytest.mark.parametrize("event, low, high", [((1.0, 2.0), 0.0, 1.0), ((27.0, 29.0), 19.0, 20.0)])
def test_crops_around_an_event_near_an_end_differ_too(event, low, high, rng):
    starts = np.array([choose_crop(30.0, 10.0, [event], rng, 1.0) for _ in range(400)])
    assert low <= starts.min() < low + 0.02 and high - 0.02 < starts.max() <= high
    assert len(np.unique(starts)) == 400 and abs(starts.mean() - (low + high) / 2) < 0.06


def test_crop_of_a_clip_that_is_too_short_starts_at_0(rng):
    for events in ([], [(1.0, 2.0)]):
        assert choose_crop(5.0, 10.0, events, rng, 1.0) == 0.0
