"""A clip as people look at it: log-mel, true events, detections, and how sure the model was.

Drawn without pyplot: no window, no global state. detectron2's Visualizer is not used, because it
writes labels over the picture and knows no axes; a sonagram without seconds and Hz says little.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from audiodet.data.spectrogram import hz_to_mel
from audiodet.events import Event
from audiodet.files import atomic_path
from audiodet.visualization.panels import (
    DETECTION,
    DPI,
    TRUTH,
    draw_curves,
    draw_proposals,
    draw_regions,
    draw_tags,
    place_tags,
    row_count,
    stack,
)

TICKS_HZ = (100, 200, 500, 1000, 2000, 5000, 10000, 20000)
# Heights in inches.
SPECTROGRAM = 2.5
PANEL = 0.9
REGIONS = 1.4 * PANEL
ROW = 0.21  # of tags


def draw_clip(
    log_mel: np.ndarray,
    seconds_per_frame: float,
    f_min: float,
    f_max: float,
    truth: Sequence[Event] | None = None,
    detections: Sequence[Event] | None = None,
    proposals: Sequence[tuple[float, float, float]] = (),
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    regions: Sequence[tuple[Event, float]] = (),
    title: str = "",
) -> Figure:
    """Draw one clip over a time axis in seconds.

    Args:
        log_mel: natural logarithm of mel power, (bands, frames), lowest band first.
        seconds_per_frame: hop in seconds; frame t is centred on t hops.
        f_min, f_max: edges of the mel bank, in Hz.
        truth: true events, red, with labels over the spectrogram; None leaves the row out.
        detections: detected events, blue, with label and score under it; likewise.
        proposals: (onset, offset, objectness in [0, 1]) of region proposals, a panel of lines.
        curves: scores over time, {label: (seconds (S,), values in [0, 1] (S,))}, a panel.
        regions: what a fusion scored, (event with its score D, the detector's confidence beta),
            a panel of lines; those that are detections too are marked (AudioMask's Fig. 5).
        title: over everything.

    Returns:
        a matplotlib figure for :func:`save_figure`.
    """
    bands, frames = log_mel.shape
    span = (-0.5 * seconds_per_frame, (frames - 0.5) * seconds_per_frame)
    scale = (bands, f_min, f_max)
    parts = {"spectrogram": (SPECTROGRAM, lambda ax: _draw_spectrogram(ax, log_mel, span, scale))}
    boxes = []
    if truth is not None:
        tags = place_tags([(e, e.label) for e in truth], span)
        parts = {"truth": _row_of_tags(tags, TRUTH, "truth", upwards=True), **parts}
        boxes.append((truth, TRUTH, 0.0))
    if detections is not None:
        tags = place_tags([(e, f"{e.label} {e.score:.2f}") for e in detections], span)
        parts["detected"] = _row_of_tags(tags, DETECTION, "detected", upwards=False)
        boxes.append((detections, DETECTION, 0.04))
    if proposals:
        parts["proposals"] = (PANEL, lambda ax: draw_proposals(ax, proposals))
    if regions:
        chosen = set(detections or ())
        parts["regions"] = (REGIONS, lambda ax: draw_regions(ax, regions, chosen))
    if curves:
        parts["curves"] = (PANEL, lambda ax: draw_curves(ax, curves))
    return _compose(parts, boxes, span, scale, title)


def _row_of_tags(tags: list, colour: str, name: str, upwards: bool) -> tuple[float, Callable]:
    """Height of a row of tags, and what draws it."""
    return ROW * row_count(tags), lambda ax: draw_tags(ax, tags, colour, name, upwards)


def _compose(parts: Mapping[str, tuple], boxes: Sequence, span, scale, title: str) -> Figure:
    """A figure of parts {name: (height, what draws it)} from top to bottom, boxes in its middle."""
    figure, axes = stack({name: height for name, (height, _) in parts.items()}, span)
    for name, (_, draw) in parts.items():
        draw(axes[name])
    for events, colour, inset in boxes:
        _draw_boxes(axes["spectrogram"], events, colour, inset, scale)
    figure.axes[0].set_title(title, loc="left", fontsize=10, pad=5)
    figure.axes[-1].tick_params(labelbottom=True)
    figure.axes[-1].set_xlabel("time (s)", fontsize=9)
    return figure


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Write a figure as PNG, or what the suffix says, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=DPI)


def _draw_spectrogram(ax, log_mel, span, scale):
    low, high = np.percentile(log_mel, [20, 99.8])
    bands = len(log_mel)
    ax.imshow(
        log_mel,
        origin="lower",
        aspect="auto",
        cmap="Greys",
        interpolation="nearest",
        extent=(*span, -0.5, bands - 0.5),
        vmin=low,
        vmax=max(high, low + 1.0),
    )
    positions = mel_positions(TICKS_HZ, *scale)
    ticks = []
    last = -np.inf  # row of the last tick
    for hz, position in zip(TICKS_HZ, positions):
        if 0 <= position <= bands - 1 and position - last >= 0.07 * bands:
            ticks.append((position, f"{hz}"))
            last = position
    ax.set_yticks([p for p, _ in ticks], [text for _, text in ticks])
    ax.set_ylabel("mel band centre (Hz)", fontsize=9)


def mel_positions(hz: Iterable[float], bands: int, f_min: float, f_max: float) -> np.ndarray:
    """Row of the spectrogram, counted from 0 and fractional, whose band is centred on `hz`."""
    low = hz_to_mel(f_min)
    high = hz_to_mel(f_max)
    mels = np.array([hz_to_mel(f) for f in hz])
    return (mels - low) / (high - low) * (bands + 1) - 1


def _draw_boxes(ax, events: Iterable[Event], colour: str, inset: float, scale):
    """Boxes of the events' frequencies, or full-height ones.

    Args:
        inset: part of the height left free above and below a full-height box.
        scale: bands and edges of the mel bank, see :func:`mel_positions`.
    """
    bands = scale[0]
    for event in events:
        low = inset
        high = 1 - inset
        if event.low_hz is not None:
            edges = mel_positions((event.low_hz, event.high_hz), *scale)
            low, high = (edges + 0.5) / bands
        ax.add_patch(
            Rectangle(
                (event.onset, low),
                event.offset - event.onset,
                high - low,
                transform=ax.get_xaxis_transform(),
                edgecolor=colour,
                linewidth=1.5,
                facecolor=to_rgba(colour, 0.10),
            )
        )
