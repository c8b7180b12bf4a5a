"""Figures of the analyses, drawn without pyplot."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from audiodet.events import Event
from audiodet.visualization.clip_plot import DETECTION, DPI, TRUTH


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; sizes are in inches."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw_roll(
    truth: Sequence[Event], found: Sequence[Event], labels: Sequence[str], duration: float, title=""
) -> Figure:
    """Annotation against predictions over a mixture, a row for each label (Figs. 3 and 6).

    Args:
        truth, found: events in seconds; the truth is red, what was found blue under it.
        duration: of the clip, in seconds.
    """
    figure = new_figure(11.0, 0.9 + 0.32 * len(labels))
    ax = figure.subplots()
    for row, label in enumerate(labels):
        for events, place, colour in ((truth, 0.05, TRUTH), (found, 0.5, DETECTION)):
            spans = [(e.onset, e.offset - e.onset) for e in events if e.label == label]
            ax.broken_barh(spans, (row + place, 0.42), color=colour)
    ax.set(xlim=(0, duration), ylim=(len(labels), 0), xlabel="time (s)")
    ax.set_yticks(np.arange(len(labels)) + 0.5, labels)
    ax.grid(axis="x", alpha=0.3, linewidth=0.5)
    ax.hlines(range(1, len(labels)), 0, duration, color="#bbbbbb", linewidth=0.5)
    ax.set_title(f"{title}  (annotation red, predictions blue)".strip(), loc="left", fontsize=10)
    return figure


def draw_patterns(patterns: Mapping[str, np.ndarray], title: str = "") -> Figure:
    """Input patterns side by side, {caption: (H, T)}, lowest band at the bottom (Fig. 7)."""
    columns = min(8, len(patterns))
    rows = -(-len(patterns) // columns)
    figure = new_figure(1.5 * columns, 0.5 + 1.5 * rows)
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for ax in axes:
        ax.axis("off")
    for ax, (caption, pattern) in zip(axes, patterns.items()):
        ax.imshow(pattern, origin="lower", aspect="auto", cmap="magma")
        ax.set_title(caption, fontsize=8)
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure


def draw_curves(
    curves: Mapping[str, Sequence[tuple[float, float]]], x_label: str, y_label: str, log_x=False
) -> Figure:
    """Lines with markers, {name: [(x, y), ...]} (Figs. 4 and 5)."""
    figure = new_figure(7.0, 4.0)
    ax = figure.subplots()
    for name, points in curves.items():
        ax.plot(*zip(*sorted(points)), marker="o", label=name)
    if log_x:
        ax.set_xscale("log")
    ax.set(xlabel=x_label, ylabel=y_label)
    ax.grid(alpha=0.3, linewidth=0.5)
    ax.legend(frameon=False)
    return figure


def draw_masks(
    rows: Mapping[str, Mapping[str, np.ndarray]], seconds: float, title: str = ""
) -> Figure:
    """A table of masks (Kong et al. 2019, Fig. 7): a row for each class, truth and systems in it.

    Args:
        rows: {class: {caption: (H, T) in [0, 1]}}, lowest band at the bottom; the captions are
            those of the first row.
        seconds: of a frame.
    """
    captions = list(next(iter(rows.values())))
    figure = new_figure(0.6 + 2.6 * len(captions), 0.7 + 1.6 * len(rows))
    axes = figure.subplots(len(rows), len(captions), squeeze=False, sharex=True, sharey=True)
    for line, (label, masks) in zip(axes, rows.items()):
        for ax, caption in zip(line, captions):
            bands, frames = masks[caption].shape
            ax.imshow(
                masks[caption],
                origin="lower",
                aspect="auto",
                cmap="viridis",
                vmin=0,
                vmax=1,
                extent=(0, frames * seconds, -0.5, bands - 0.5),
            )
        line[0].set_ylabel(f"{label}\nmel band", fontsize=8)
    for ax, caption in zip(axes[0], captions):
        ax.set_title(caption, fontsize=9)
    for ax in axes[-1]:
        ax.set_xlabel("time (s)", fontsize=8)
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure


def draw_frame_scores(
    systems: Mapping[str, Mapping[str, tuple]], truth: Sequence[Event], duration: float, title=""
) -> Figure:
    """Frame scores over time, a panel for each system (Kong et al. 2019, Fig. 8).

    Args:
        systems: {name: {label: (seconds (S,), scores (S,))}}, the same labels in each.
        truth: true events, shaded in the colour of their label.
        duration: of the clip, in seconds.
    """
    figure = new_figure(9.0, 0.6 + 1.5 * len(systems))
    axes = figure.subplots(len(systems), 1, squeeze=False, sharex=True)[:, 0]
    labels = list(next(iter(systems.values())))
    colours = {label: f"C{i}" for i, label in enumerate(labels)}
    for ax, (name, curves) in zip(axes, systems.items()):
        for event in truth:
            ax.axvspan(event.onset, event.offset, color=colours[event.label], alpha=0.15)
        for label, (seconds, scores) in curves.items():
            ax.plot(seconds, scores, color=colours[label], label=label)
        ax.set(xlim=(0, duration), ylim=(-0.03, 1.03), ylabel=name)
        ax.grid(alpha=0.3, linewidth=0.5)
    axes[0].legend(loc="upper right", fontsize=7, ncols=len(labels), frameon=False)
    axes[-1].set_xlabel("time (s)")
    axes[0].set_title(f"{title}  (true events shaded)".strip(), loc="left", fontsize=10)
    return figure
