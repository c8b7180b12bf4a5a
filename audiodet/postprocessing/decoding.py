"""What an exported network says of a clip -> its candidate events, by the numbers in its card.

An exported network gives, of one clip, "frames" (T) and "scores" (S, K), a frame-level system's, or
"scores" (R, K + 1) and "times" (R, K, 2), a region detector's. A card's "decoding" has the numbers
that the rest depends on, and "hooks", a list of {"name", ...}, those of MODEL.POSTPROCESSORS.

Shape shorthand: S time steps, R regions, K classes, T frames, H mel bands, L frames of a segment.
"""

from dataclasses import dataclass

import numpy as np

from audiodet.postprocessing.boxes import best_regions, voted
from audiodet.postprocessing.fusing import fuse, mean_in_times, segment_starts
from audiodet.postprocessing.regions import Regions
from audiodet.postprocessing.runs import RunRules, regions_of_scores, smooth, step_edges

BAND_SHARE = 0.5  # of an event's strongest band: weaker ones are not in its frequency range


@dataclass(frozen=True)
class Decoded:
    """A clip's candidate events, and a frame-level system's scores.

    Attributes:
        regions: best first, times in seconds.
        scores: (S, K) smoothed, or None.
        edges: (S + 1,) where the steps begin and end, in seconds, or None.
    """

    regions: Regions
    scores: np.ndarray | None = None
    edges: np.ndarray | None = None


def decode(outputs: dict, decoding: dict, width: float, verify=None) -> Decoded:
    """A network's outputs for a clip, as arrays by name -> what is in it.

    Args:
        decoding: see the module.
        width: duration of the clip's T frames, in seconds.
        verify: of a fused detector: first frames of segments (R,) -> a verifier's (R, L, K).
    """
    frames = int(outputs["frames"])
    if "times" in outputs:
        keys = ("lowest", "iou", "most")
        found = best_regions(outputs["times"], outputs["scores"], *(decoding[key] for key in keys))
        return Decoded(_hooked(found, decoding, frames, verify).in_seconds(frames, width))
    scores = smooth(outputs["scores"], _as_given(decoding["median_steps"]))
    stride, offset = decoding["stride"], decoding["offset"]
    rules = rules_of(decoding["rules"])
    grid = (stride, offset, frames)
    found = regions_of_scores(scores, _as_given(decoding["low"]), *grid, rules, decoding["grow"])
    found = _hooked(found, decoding, frames, verify).in_seconds(frames, width)
    if "masks" in outputs:
        edges = np.array(decoding["band_edges"], np.float32)
        found = with_bands(found, outputs["masks"], edges, width / frames)
    edges = step_edges(len(scores), stride, offset, frames) * (width / frames)
    return Decoded(found, scores, edges)


def rules_of(numbers: dict) -> RunRules:
    """:class:`RunRules` of JSON, which has lists for tuples."""
    return RunRules(**{key: _as_given(value) for key, value in numbers.items()})


def _as_given(value):
    """A number, or the tuple that JSON has as a list."""
    return tuple(value) if isinstance(value, list) else value


def _hooked(found: Regions, decoding: dict, frames: int, verify) -> Regions:
    for hook in decoding["hooks"]:
        if hook["name"] == "voting":
            found = voted(found, hook["nms"], hook["iou"])
        elif hook["name"] == "connecting":
            found = rules_of(hook["rules"]).connected(found)
        else:
            found = _fused(found, hook, frames, verify)
    return found


def _fused(found: Regions, hook: dict, frames: int, verify) -> Regions:
    """A detector's events, scored and sorted by what a verifier says too."""
    found = found[found.scores >= hook["min_score"]]
    if not len(found):
        return found
    starts = segment_starts(found.times, frames, hook["length"])
    columns = np.array(hook["columns"], np.int64)[found.classes]
    segments = verify(starts)[np.arange(len(found)), :, columns]  # (R, L)
    if hook["window"] == "segment":
        alpha = segments.mean(1)
    else:
        alpha = mean_in_times(segments, found.times, starts)
    fused = fuse(alpha.astype(np.float32), found.scores, np.float32(hook["weight"]))
    return Regions(found.times, fused, found.classes)[np.argsort(-fused, kind="stable")]


def with_bands(found: Regions, masks: np.ndarray, edges: np.ndarray, seconds: float) -> Regions:
    """Events with the frequencies in Hz between which their mask is strong.

    Args:
        found: times in seconds.
        masks: (K, H, T).
        edges: (H + 1,) frequencies that part the mel bands, in Hz.
        seconds: of a frame.
    """
    bounds = np.zeros((len(found), 2), np.float32)
    for i, (times, k) in enumerate(zip(found.times, found.classes)):
        first, end = (round(float(x)) for x in times / np.float32(seconds))
        bands = masks[k, :, first : max(end, first + 1)].mean(1)
        strong = np.flatnonzero(bands >= BAND_SHARE * bands.max())
        bounds[i] = edges[strong[0]], edges[strong[-1] + 1]
    return Regions(found.times, found.scores, found.classes, bounds)
