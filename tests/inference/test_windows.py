"""Windows cover a recording, and joined events are the ones that were there."""

import numpy as np
import pytest

from audiodet.errors import ConfigError
from audiodet.inference.windows import Grid, Stitcher, cut_windows
from audiodet.events import Event

RATE = 1000
CELL = 0.1  # seconds


def grid(window=10.0, overlap=3.0):
    return Grid.build(RATE, round(CELL * RATE), window, overlap, 50)


def test_lengths_are_rounded_up_to_whole_cells():
    built = Grid.build(RATE, 100, 10.01, 2.95, 50)
    assert (built.size, built.advance) == (10100, 10100 - 3000)
    assert Grid.build(RATE, 100, 10.0, 0.0, 250).advance == 10000 - 300  # the front end's need
    for overlap in (-0.1, 5.1):
        with pytest.raises(ConfigError, match=f"overlap by {overlap} s, expected 0 to 5.00 s"):
            grid(10.0, overlap)


@pytest.mark.parametrize("samples", [1, 9999, 10000, 10001, 17000, 17001, 24500])
@pytest.mark.parametrize("block", [700, 7000, 100000])
def test_windows_are_parts_of_the_recording_at_whole_cells(samples, block):
    wave = np.arange(samples, dtype=np.float32)
    blocks = [wave[i : i + block] for i in range(0, samples, block)]
    windows = list(cut_windows(blocks, grid()))
    assert [w.last for w in windows] == [False] * (len(windows) - 1) + [True]
    for number, window in enumerate(windows):
        start = number * 7000
        assert window.start == start / grid().sample_rate
        np.testing.assert_array_equal(window.samples, wave[start : start + 10000])
        assert len(window.samples) == 10000 or window.last
    assert len(windows) == 1 or len(windows[-1].samples) > 3000
    assert windows[-1].end == pytest.approx(samples / grid().sample_rate, rel=1e-12)


def heard(truth, seconds, at, jitter=0.0, seed=0):
    """What a perfect detector, give or take ``jitter`` seconds, tells of each window of ``at``."""
    rng = np.random.default_rng(seed)
    stitcher, found, start = Stitcher(at), [], 0.0
    while True:
        end = min(start + at.size / RATE, seconds)
        events = []
        for onset, offset, label, score, *_ in truth:
            cut = np.clip([onset, offset] + rng.uniform(-jitter, jitter, 2), start, end) - start
            if cut[1] - cut[0] > jitter:
                events.append(Event(*cut.tolist(), label, score))
        found += stitcher.add(events, start, end, end == seconds)
        if end == seconds:
            return sorted(found)
        start += at.advance / RATE


@pytest.mark.parametrize("overlap", [0.5, 1.0, 3.0, 5.0])
@pytest.mark.parametrize("length", [0.15, 0.8, 2.9, 7.0, 25.0])
def test_events_are_neither_cut_nor_doubled_nor_lost(overlap, length):
    """Also those longer than the overlap, or than a window. Placed all over the edges."""
    for shift in np.arange(0, 10, 0.37):
        truth = [
            Event(2 + shift + k * (length + 0.5), 2 + shift + k * (length + 0.5) + length, "a")
            for k in range(max(2, int(30 / (length + 0.5))))
        ]
        found = heard(truth, 90.0, grid(10.0, overlap))
        assert [e[:2] for e in found] == [pytest.approx(e[:2], abs=1e-9) for e in truth]


@pytest.mark.parametrize("length", [0.3, 2.0, 8.0])
def test_windows_that_disagree_by_half_a_cell_still_tell_of_one_event(length):
    for seed in range(40):
        shift = 10 * np.random.default_rng(seed).random()
        truth = [
            Event(2 + shift + k * (length + 1), 2 + shift + k * (length + 1) + length, "a")
            for k in range(int(40 / (length + 1)))
        ]
        found = heard(truth, 60.0, grid(10.0, 3.0), CELL / 2, seed)
        assert len(found) == len(truth), seed
        for ours, theirs in zip(found, truth):
            assert ours[:2] == pytest.approx(theirs[:2], abs=CELL / 2 + 1e-9)


def test_labels_are_joined_apart_and_scores_come_from_the_window_that_hears_more():
    at = grid(10.0, 4.0)
    stitcher = Stitcher(at)
    first = [Event(6.0, 7.6, "a", 0.9), Event(6.5, 8.0, "b", 0.8), Event(9.0, 10.0, "c", 0.3)]
    assert stitcher.add(first, 0.0, 10.0, False) == []
    second = [Event(0.1, 1.6, "a", 0.5), Event(0.5, 2.1, "c", 0.2), Event(3.0, 5.0, "c", 0.7)]
    found = stitcher.add(second, 6.0, 16.0, True)
    assert Event(6.0, 7.6, "a", 0.9) in found and Event(9.0, 11.0, "c", 0.7) in found
    assert Event(6.5, 8.0, "b", 0.8) in found  # only the first window heard it, in its half
    assert [e for e in found if e.label == "c"] == [Event(9.0, 11.0, "c", 0.7)]


def test_what_one_window_alone_heard_counts_in_its_half_of_the_overlap():
    stitcher = Stitcher(grid(10.0, 4.0))  # the overlap is 6 to 10 s, its middle 8 s
    first = [Event(6.5, 7.5, "near", 0.9), Event(8.5, 9.5, "far", 0.9)]
    assert stitcher.add(first, 0.0, 10.0, False) == []
    second = [Event(0.5, 1.5, "early", 0.9), Event(2.5, 3.5, "late", 0.9)]
    found = stitcher.add(second, 6.0, 16.0, True)
    assert {event.label for event in found} == {"near", "late"}


@pytest.mark.parametrize("places", [(7.9, 8.0), (8.0, 7.9)])
def test_a_short_event_that_two_windows_place_a_cell_apart_is_one(places):
    """In the middle of the overlap, where it would else be doubled or lost."""
    stitcher, (left, right) = Stitcher(grid(10.0, 4.0)), places
    assert stitcher.add([Event(left, left + 0.15, "a", 0.9)], 0.0, 10.0, False) == []
    second = [Event(right - 6.0, right - 5.85, "a", 0.8)]
    assert len(stitcher.add(second, 6.0, 16.0, True)) == 1


def test_an_event_of_two_windows_has_the_frequencies_of_both():
    grid = Grid.build(100, 1, 10.0, 4.0, 1)
    stitcher = Stitcher(grid)
    early = stitcher.add([Event(5.0, 10.0, "a", 0.9, 300.0, 900.0)], 0.0, 10.0, False)
    (joined,) = early + stitcher.add([Event(0.0, 3.0, "a", 0.8, 200.0, 700.0)], 6.0, 16.0, True)
    assert (joined.onset, joined.offset) == (5.0, 9.0)
    assert (joined.low_hz, joined.high_hz) == (200.0, 900.0)
