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

from audiodet.audio.mel import TICKS_HZ, mel_positions
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
    """Draw one clip over a time axis in seconds, as a figure for :func:`save_figure`.

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
    """
    span = (-0.5 * seconds_per_frame, (log_mel.shape[1] - 0.5) * seconds_per_frame)
    scale = (len(log_mel), f_min, f_max)
    parts = {}
    if truth is not None:
        parts["truth"] = _row_of_tags(truth, TRUTH, "truth", span)
    parts["spectrogram"] = (SPECTROGRAM, lambda ax: _draw_spectrogram(ax, log_mel, span, scale))
    if detections is not None:
        parts["detected"] = _row_of_tags(detections, DETECTION, "detected", span)
    parts |= _panels(proposals, regions, set(detections or ()), curves)
    figure, axes = stack(parts, span, title)
    _draw_boxes(axes["spectrogram"], truth or (), TRUTH, 0.0, scale)
    _draw_boxes(axes["spectrogram"], detections or (), DETECTION, 0.04, scale)
    return figure


def _panels(proposals, regions, chosen: set, curves) -> dict[str, tuple]:
    """Of scores over time, those that are asked for, from top to bottom."""
    parts = {}
    if proposals:
        parts["proposals"] = (PANEL, lambda ax: draw_proposals(ax, proposals))
    if regions:
        parts["regions"] = (REGIONS, lambda ax: draw_regions(ax, regions, chosen))
    if curves:
        parts["curves"] = (PANEL, lambda ax: draw_curves(ax, curves))
    return parts


def _row_of_tags(events, colour: str, name: str, span) -> tuple[float, Callable]:
    """Height of a row of tags over (truth) or under the spectrogram, and what draws it."""
    upwards = name == "truth"
    texts = [e.label if upwards else f"{e.label} {e.score:.2f}" for e in events]
    tags = place_tags(zip(events, texts), span)
    return ROW * row_count(tags), lambda ax: draw_tags(ax, tags, colour, name, upwards)


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


def _draw_boxes(ax, events: Iterable[Event], colour: str, inset: float, scale):
    """Boxes of the events' frequencies, or full-height ones but for ``inset`` of the height."""
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
