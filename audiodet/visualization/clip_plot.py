"""A clip as people look at it: log-mel, true events, detections, and how sure the model was.

Drawn without pyplot: no window, no global state. detectron2's Visualizer is not used, because it
writes labels over the picture and knows no axes; a sonagram without seconds and Hz says little.
"""

import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from audiodet.data.spectrogram import hz_to_mel
from audiodet.events import Event
from audiodet.files import atomic_path
from audiodet.visualization import panels
from audiodet.visualization.panels import DETECTION, DPI, TRUTH

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
    true_tags = panels.place_tags([(e, e.label) for e in truth or ()], span)
    scored = [(e, f"{e.label} {e.score:.2f}") for e in detections or ()]
    detected_tags = panels.place_tags(scored, span)
    heights = {
        "truth": 0 if truth is None else ROW * panels.row_count(true_tags),
        "spectrogram": SPECTROGRAM,
        "detected": 0 if detections is None else ROW * panels.row_count(detected_tags),
        "proposals": PANEL if proposals else 0,
        "regions": REGIONS if regions else 0,
        "curves": PANEL if curves else 0,
    }
    shown = {name: height for name, height in heights.items() if height}
    figure, axes = panels.stack(shown, span)
    scale = (bands, f_min, f_max)
    _draw_spectrogram(axes["spectrogram"], log_mel, span, f_min, f_max)
    if truth is not None:
        _draw_boxes(axes["spectrogram"], truth, TRUTH, 0.0, scale)
        panels.draw_tags(axes["truth"], true_tags, TRUTH, "truth", upwards=True)
    if detections is not None:
        _draw_boxes(axes["spectrogram"], detections, DETECTION, 0.04, scale)
        panels.draw_tags(axes["detected"], detected_tags, DETECTION, "detected", upwards=False)
    if proposals:
        panels.draw_proposals(axes["proposals"], proposals)
    if regions:
        panels.draw_regions(axes["regions"], regions, set(detections or ()))
    if curves:
        panels.draw_curves(axes["curves"], curves)
    _write_round_the_axes(figure, title)
    return figure


def _write_round_the_axes(figure: Figure, title: str) -> None:
    figure.axes[0].set_title(title, loc="left", fontsize=10, pad=5)
    figure.axes[-1].tick_params(labelbottom=True)
    figure.axes[-1].set_xlabel("time (s)", fontsize=9)


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Write a figure as PNG, or what the suffix says, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=DPI)


def _draw_spectrogram(ax, log_mel, span, f_min, f_max):
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
    positions = mel_positions(TICKS_HZ, bands, f_min, f_max)
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
