"""What the self-mask network sees in a clip: its five streams and its mask, over one time axis.

Shape shorthand: S cells, K classes, M maps, H mel bands, T frames.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from papers.analysis.figures import new_figure
from audiodet.events import Event
from audiodet.visualization.clip_plot import DETECTION, TRUTH

CURVES = {"f^e": DETECTION, "f^p": "#e08214", "f^r": "#666666"}


@torch.no_grad()
def stream_arrays(model, clip: dict) -> dict[str, np.ndarray]:
    """The streams of a mapped clip, all in [0, 1].

    Returns:
        "f^s" (S, K), "f^c" (K,), "f^e" (S,), "f^r" (S,); of a network with a mask module also "f^p"
        (S,) and "M^R" (H / 2, T / 2), the maximum over the maps.
    """
    model.eval()
    (found,) = model.streams([clip])
    arrays = {"f^s": found.cells, "f^c": found.clip, "f^e": found.event}
    if found.mask is not None:
        arrays.update({"f^p": found.mask, "M^R": found.mask_map.amax(0)})
    arrays = {name: x.sigmoid().cpu().numpy() for name, x in arrays.items()}
    return {**arrays, "f^r": found.sound.cpu().numpy()}


def draw_streams(
    clip: dict,
    streams: Mapping[str, np.ndarray],
    labels: Sequence[str],
    truth: Sequence[Event] = (),
    title: str = "",
) -> Figure:
    """The spectrogram with the mask over it and true events, f^s beside f^c, and the curves."""
    image, seconds = clip["image"][0].numpy(), clip["width"]
    figure = new_figure(11.0, 5.2 + 0.22 * len(labels))
    heights = (2.5, 0.4 + 0.22 * len(labels), 1.2)
    grid = figure.add_gridspec(3, 2, width_ratios=(9, 1), height_ratios=heights)
    sound = figure.add_subplot(grid[0, 0], xlim=(0, seconds))
    cells = figure.add_subplot(grid[1, 0], sharex=sound)
    clip_axis = figure.add_subplot(grid[1, 1], sharey=cells)
    curves = figure.add_subplot(grid[2, 0], sharex=sound)
    _draw_masked(sound, image, streams.get("M^R"), seconds)
    for event in truth:
        sound.axvspan(event.onset, event.offset, edgecolor=TRUTH, facecolor="none", linewidth=1.5)
        sound.text(event.onset, 0.98 * len(image), event.label, color=TRUTH, fontsize=8, va="top")
    sound.set_title(title, loc="left", fontsize=10)
    _draw_cells(cells, clip_axis, streams, labels, seconds)
    edges = np.linspace(0, _end(streams["f^e"], clip), len(streams["f^e"]) + 1)
    for name, colour in CURVES.items():
        if name in streams:
            curves.stairs(streams[name], edges, color=colour, label=f"${name}$", baseline=None)
    curves.set(ylim=(-0.03, 1.03), xlabel="time (s)")
    curves.legend(loc="upper right", fontsize=8, ncols=3, frameon=False)
    return figure


def _end(cells: np.ndarray, clip: dict) -> float:
    """Where the last cell ends, in seconds; it may reach beyond the clip."""
    frames = clip["image"].shape[-1]
    return clip["width"] * -(-frames // len(cells)) * len(cells) / frames


def _draw_masked(ax, image, mask, seconds):
    low, high = np.percentile(image, [20, 99.8])
    place = {"origin": "lower", "aspect": "auto", "extent": (0, seconds, 0, len(image))}
    ax.imshow(image, cmap="Greys", vmin=low, vmax=max(high, low + 1), **place)
    if mask is not None:
        ax.imshow(mask, cmap="viridis", alpha=0.45, vmin=0, vmax=1, **place)
    ax.set_ylabel("mel band, $M^R$ over it" if mask is not None else "mel band", fontsize=9)


def _draw_cells(ax, beside, streams, labels, seconds):
    scores = streams["f^s"]
    place = {"aspect": "auto", "extent": (0, seconds, len(labels) - 0.5, -0.5)}
    ax.imshow(scores.T, cmap="Blues", vmin=0, vmax=1, interpolation="nearest", **place)
    ax.set_yticks(range(len(labels)), labels, fontsize=8)
    ax.set_ylabel("$f^s$", fontsize=9)
    beside.barh(range(len(labels)), streams["f^c"], color=DETECTION)
    beside.set(xlim=(0, 1), title="$f^c$")
    beside.tick_params(labelleft=False)
