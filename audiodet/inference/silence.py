"""Digital silence, stretches of equal samples: nothing sounds there, whatever a network says."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from audiodet.inference.joining import Heard
from audiodet.inference.windows import Grid

ALIKE = 1e-6  # equal but for rounding, of full scale: resampling a constant leaves as much


def silent_spans(samples: np.ndarray, front_end, cell: int) -> np.ndarray:
    """(samples,) of a window -> (N, 2) onset and offset in seconds of what is sure to be silent.

    Beside a sound nothing is sure for the length of a frame and a step, whose events end on steps.
    A window's own start and end do not bound its silence: they are -inf and inf.

    Args:
        front_end: has ``sample_rate`` in Hz and ``n_fft``, samples of a frame.
        cell: samples of one of the network's steps.
    """
    block, sample_rate = front_end.n_fft, front_end.sample_rate
    edge = block + cell
    starts = np.arange(0, len(samples), block)
    low = np.minimum.reduceat(samples, starts)
    silent = np.maximum.reduceat(samples, starts) - low <= ALIKE
    goes_on = silent[1:] & silent[:-1] & (np.abs(np.diff(low)) <= ALIKE)
    firsts = np.flatnonzero(silent & ~np.append(False, goes_on))
    lasts = np.flatnonzero(silent & ~np.append(goes_on, False))
    onsets = (firsts * block + edge) / sample_rate
    offsets = ((lasts + 1) * block - edge) / sample_rate
    onsets[firsts == 0] = -np.inf
    offsets[lasts == len(starts) - 1] = np.inf
    return np.stack([onsets, offsets], 1)


def is_silent(spans: np.ndarray) -> bool:
    """Whether nothing but silence is in the window of :func:`silent_spans`."""
    return bool(np.isinf(spans).all(axis=1).any())


def lie_in(spans: np.ndarray, onsets: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Which of (R,) onsets and offsets in seconds lie wholly in one of the spans (N, 2): (R,)."""
    inside = (onsets[:, None] >= spans[:, 0]) & (offsets[:, None] <= spans[:, 1])
    return inside.any(axis=1)


def without_silence(heard: Heard, spans: np.ndarray) -> Heard:
    """What is heard of a window, less the events in its silence; scores there are 0."""
    if not len(spans):
        return heard
    times = np.array([event[:2] for event in heard.events], float).reshape(-1, 2)
    dropped = lie_in(spans, *times.T)
    events = [event for event, is_in in zip(heard.events, dropped) if not is_in]
    if heard.scores is None:
        return replace(heard, events=events)
    silent = lie_in(spans, heard.edges[:-1], heard.edges[1:])
    return replace(heard, events=events, scores=np.where(silent[:, None], 0, heard.scores))


def heard_in_sound(inputs: list[dict], listen: Callable, grid: Grid, labels: int) -> list[Heard]:
    """What is heard in each window: ``listen`` is asked of those with sound, silence has nothing.

    Args:
        inputs: each with the "silence" of :func:`silent_spans`, a silent one with its "duration".
        grid: whose cells are the steps of a silent window's scores.
        labels: so many have scores.
    """
    sounding = [clip for clip in inputs if not is_silent(clip["silence"])]
    answers = iter(listen(sounding) if sounding else ())
    heard = []
    for clip in inputs:
        if is_silent(clip["silence"]):
            heard.append(_nothing(clip["duration"], grid, labels))
        else:
            heard.append(without_silence(next(answers), clip["silence"]))
    return heard


def _nothing(duration: float, grid: Grid, labels: int) -> Heard:
    """No event and scores of 0, which a recording takes only of a system that has scores."""
    step = grid.cell / grid.sample_rate
    steps = max(1, int(np.ceil(duration / step - 1e-9)))
    edges = np.minimum(np.arange(steps + 1) * step, duration)
    return Heard([], np.zeros((steps, labels), np.float32), edges)
