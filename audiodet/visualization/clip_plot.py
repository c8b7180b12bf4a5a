"""A clip as people look at it: log-mel, true events, detections, and how sure the model was.

Drawn without pyplot: no window, no global state. detectron2's Visualizer is not used, because it
writes labels over the picture and knows no axes; a sonagram without seconds and Hz says little.
"""

import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from audiodet.data.spectrogram import hz_to_mel
from audiodet.events import Event
from audiodet.files import atomic_path

TRUTH, DETECTION, PROPOSAL = "#d7191c", "#0b63c4", "#3f8f4f"
CURVES = ("#0b63c4", "#e08214", "#7b3294", "#1b9e77", "#c51b7d", "#666666")
TICKS_HZ = (100, 200, 500, 1000, 2000, 5000, 10000, 20000)
# Inches.
WIDTH, LEFT, RIGHT = 11.0, 0.95, 0.2
SPECTROGRAM, PANEL, ROW, GAP, TOP, BOTTOM = 2.5, 0.9, 0.21, 0.06, 0.36, 0.5
DPI = 110


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
    true = _place_tags([(e, e.label) for e in truth or ()], span)
    found = _place_tags([(e, f"{e.label} {e.score:.2f}") for e in detections or ()], span)
    heights = {
        "truth": 0 if truth is None else ROW * _rows(true),
        "spectrogram": SPECTROGRAM,
        "detected": 0 if detections is None else ROW * _rows(found),
        "proposals": PANEL * bool(proposals),
        "regions": 1.4 * PANEL * bool(regions),
        "curves": PANEL * bool(curves),
    }
    figure, axes = _stack({name: height for name, height in heights.items() if height}, span)
    _draw_spectrogram(axes["spectrogram"], log_mel, span, f_min, f_max)
    if truth is not None:
        _draw_boxes(axes["spectrogram"], truth, TRUTH, 0.0, (bands, f_min, f_max))
        _draw_tags(axes["truth"], true, TRUTH, "truth", upwards=True)
    if detections is not None:
        _draw_boxes(axes["spectrogram"], detections, DETECTION, 0.04, (bands, f_min, f_max))
        _draw_tags(axes["detected"], found, DETECTION, "detected", upwards=False)
    if proposals:
        _draw_proposals(axes["proposals"], proposals)
    if regions:
        _draw_regions(axes["regions"], regions, set(detections or ()))
    if curves:
        _draw_curves(axes["curves"], curves)
    figure.axes[0].set_title(title, loc="left", fontsize=10, pad=5)
    figure.axes[-1].tick_params(labelbottom=True)
    figure.axes[-1].set_xlabel("time (s)", fontsize=9)
    return figure


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Write a figure as PNG, or what the suffix says, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=DPI)


def _stack(heights: Mapping[str, float], span: tuple[float, float]):
    """A figure with axes of these heights (in inches) from top to bottom over one time axis."""
    total = TOP + sum(heights.values()) + GAP * (len(heights) - 1) + BOTTOM
    figure = Figure(figsize=(WIDTH, total), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes, top = {}, total - TOP
    for name, height in heights.items():
        place = [LEFT / WIDTH, (top - height) / total, (WIDTH - LEFT - RIGHT) / WIDTH]
        ax = figure.add_axes([*place, height / total], xlim=span)
        ax.tick_params(labelsize=8, labelbottom=False, bottom=False)
        axes[name] = ax
        top -= height + GAP
    return figure, axes


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
    ticks, last = [], -np.inf
    for hz, position in zip(TICKS_HZ, positions):
        if 0 <= position <= bands - 1 and position - last >= 0.07 * bands:
            ticks.append((position, f"{hz}"))
            last = position
    ax.set_yticks([p for p, _ in ticks], [text for _, text in ticks])
    ax.set_ylabel("mel band centre (Hz)", fontsize=9)


def mel_positions(hz: Iterable[float], bands: int, f_min: float, f_max: float) -> np.ndarray:
    """Row of the spectrogram, counted from 0 and fractional, whose band is centred on `hz`."""
    low, high = hz_to_mel(f_min), hz_to_mel(f_max)
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
        low, high = inset, 1 - inset
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
                facecolor=(*_rgb(colour), 0.10),
            )
        )


def _rgb(colour: str) -> tuple[float, float, float]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _place_tags(labelled: Iterable[tuple[Event, str]], span) -> list[tuple[Event, str, float, int]]:
    """(event, text, left end in seconds, row) so that no two tags touch.

    A tag begins at its event's onset, further left only where the axis ends, in the row nearest
    to the spectrogram that is free there.
    """
    probe = Figure(figsize=(WIDTH, 1), dpi=DPI)
    renderer = FigureCanvasAgg(probe).get_renderer()
    seconds_per_pixel = (span[1] - span[0]) / ((WIDTH - LEFT - RIGHT) * DPI)
    placed, ends = [], []
    for event, text in sorted(labelled, key=lambda pair: pair[0].onset):
        extent = probe.text(0, 0, text, fontsize=8).get_window_extent(renderer)
        width = (extent.width + 6) * seconds_per_pixel  # 3 pixels of tag beside the text
        left = max(span[0], min(event.onset, span[1] - width))
        row = next((r for r, end in enumerate(ends) if end <= left), len(ends))
        ends[row : row + 1] = [left + width + 3 * seconds_per_pixel]
        placed.append((event, text, left, row))
    return placed


def _rows(tags) -> int:
    return 1 + max((row for *_, row in tags), default=0)


def _draw_tags(ax, tags, colour: str, name: str, upwards: bool):
    """Tags in rows from the spectrogram outwards, each tied to its event's onset."""
    rows = _rows(tags)
    ax.set_ylim(*((0, rows) if upwards else (rows, 0)))
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.text(
        -0.008,
        0.5 / rows if upwards else 1 - 0.5 / rows,
        name,
        transform=ax.transAxes,
        ha="right",
        va="center",
        fontsize=9,
        color=colour,
        fontweight="bold",
    )
    if not tags:
        ax.text(0.002, 0.5, "none", transform=ax.transAxes, va="center", fontsize=8, color=colour)
    pixel = (ax.get_xlim()[1] - ax.get_xlim()[0]) / ((WIDTH - LEFT - RIGHT) * DPI)
    for event, text, left, row in tags:
        ax.plot([event.onset] * 2, [-0.5, row + 0.5], color=colour, linewidth=1.0, clip_on=False)
        ax.text(
            left + 3 * pixel,
            row + 0.5,
            text,
            fontsize=8,
            va="center_baseline",
            color="white",
            zorder=3,
            bbox={"boxstyle": "square,pad=0.25", "facecolor": colour, "linewidth": 0},
        )


def _draw_proposals(ax, proposals):
    onsets, offsets, objectness = np.array(proposals, dtype=float).T
    ax.hlines(objectness, onsets, offsets, color=PROPOSAL, linewidth=0.8, alpha=0.8)
    _score_axis(ax, "proposals")


def _draw_regions(ax, regions, chosen):
    """Each region as a line at its D, and a faint one at its beta; the chosen ones filled."""
    for event, beta in regions:
        span, is_chosen = (event.onset, event.offset), event in chosen
        ax.plot(span, [beta, beta], color="#888888", linewidth=1.0)
        ax.plot(span, [event.score] * 2, color=DETECTION, linewidth=3.0 if is_chosen else 1.2)
        if is_chosen:
            ax.fill_between(span, 0, event.score, color=DETECTION, alpha=0.12, linewidth=0)
        text = f"{event.label} D {event.score:.2f}, \N{GREEK SMALL LETTER BETA} {beta:.2f}"
        ax.text(
            event.onset,
            event.score + 0.04,
            text,
            fontsize=6.5,
            fontweight="bold" if is_chosen else None,
        )
    _score_axis(ax, "regions")
    ax.set_ylim(top=1.2)


def _draw_curves(ax, curves):
    for colour, (label, (seconds, values)) in zip(CURVES * len(curves), curves.items()):
        ax.plot(seconds, values, color=colour, linewidth=1.2, label=label)
    _score_axis(ax, "score")
    ax.set_ylim(top=1.4)  # room for the legend
    ax.legend(loc="upper right", fontsize=7, ncols=len(curves), frameon=False, borderpad=0.1)


def _score_axis(ax, name: str):
    ax.set_ylim(-0.03, 1.03)
    ax.set_yticks([0, 0.5, 1])
    ax.set_ylabel(name, fontsize=9)
    ax.grid(alpha=0.3, linewidth=0.5)
