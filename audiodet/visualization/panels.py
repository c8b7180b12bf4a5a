"""The parts of a picture around the spectrogram: rows of tags, and panels of scores over time."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from audiodet.events import Event

TRUTH = "#d7191c"
DETECTION = "#0b63c4"
PROPOSAL = "#3f8f4f"
CURVES = ("#0b63c4", "#e08214", "#7b3294", "#1b9e77", "#c51b7d", "#666666")
# Inches.
WIDTH = 11.0
LEFT = 0.95
RIGHT = 0.2
TOP = 0.36
BOTTOM = 0.5
GAP = 0.06
DPI = 110


def stack(parts: Mapping[str, tuple], span: tuple[float, float], title: str):
    """A figure of parts {name: (height in inches, what draws it)} over one time axis, and its axes.

    The parts lie from top to bottom.
    """
    total = TOP + sum(height for height, _ in parts.values()) + GAP * (len(parts) - 1) + BOTTOM
    figure = Figure(figsize=(WIDTH, total), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = {}
    top = total - TOP
    for name, (height, draw) in parts.items():
        place = [LEFT / WIDTH, (top - height) / total, (WIDTH - LEFT - RIGHT) / WIDTH]
        ax = figure.add_axes([*place, height / total], xlim=span)
        ax.tick_params(labelsize=8, labelbottom=False, bottom=False)
        draw(ax)
        axes[name] = ax
        top -= height + GAP
    figure.axes[0].set_title(title, loc="left", fontsize=10, pad=5)
    figure.axes[-1].tick_params(labelbottom=True)
    figure.axes[-1].set_xlabel("time (s)", fontsize=9)
    return figure, axes


def place_tags(labelled: Iterable[tuple[Event, str]], span) -> list[tuple[Event, str, float, int]]:
    """(event, text, left end in seconds, row) so that no two tags touch.

    A tag begins at its event's onset, further left only where the axis ends, in the row nearest
    to the spectrogram that is free there.
    """
    probe = Figure(figsize=(WIDTH, 1), dpi=DPI)
    renderer = FigureCanvasAgg(probe).get_renderer()
    seconds_per_pixel = (span[1] - span[0]) / ((WIDTH - LEFT - RIGHT) * DPI)
    placed = []
    ends = []  # of the last tag in each row
    for event, text in sorted(labelled, key=lambda pair: pair[0].onset):
        extent = probe.text(0, 0, text, fontsize=8).get_window_extent(renderer)
        width = (extent.width + 6) * seconds_per_pixel  # 3 pixels of tag beside the text
        left = max(span[0], min(event.onset, span[1] - width))
        row = next((r for r, end in enumerate(ends) if end <= left), len(ends))
        ends[row : row + 1] = [left + width + 3 * seconds_per_pixel]
        placed.append((event, text, left, row))
    return placed


def row_count(tags) -> int:
    """Rows that placed tags take, at least one."""
    return 1 + max((row for *_, row in tags), default=0)


def draw_tags(ax, tags, colour: str, name: str, upwards: bool):
    """Tags in rows from the spectrogram outwards, each tied to its event's onset."""
    rows = row_count(tags)
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


def draw_proposals(ax, proposals):
    """(onset, offset, objectness) of region proposals, in seconds, as lines."""
    onsets, offsets, objectness = np.array(proposals, dtype=float).T
    ax.hlines(objectness, onsets, offsets, color=PROPOSAL, linewidth=0.8, alpha=0.8)
    _score_axis(ax, "proposals")


def draw_regions(ax, regions, chosen):
    """Each region as a line at its D, and a faint one at its beta; the chosen ones filled."""
    for event, beta in regions:
        span = (event.onset, event.offset)
        is_chosen = event in chosen
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


def draw_curves(ax, curves):
    """Scores over time, {label: (seconds (S,), values (S,))}, as lines with a legend."""
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
