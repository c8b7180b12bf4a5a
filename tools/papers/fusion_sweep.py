"""AudioMask's lambda after the fact: clips are scored anew from stored alpha and beta."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audiodet.errors import ConfigError, DataError
from audiodet.evaluation.clips import ClipResult
from audiodet.modeling.hooks.fusion import WINDOWS, fuse


def refuse(clips: Iterable[ClipResult], weight: float, window: str = "segment") -> list[ClipResult]:
    """The same clips with scores D = weight * alpha + (1 - weight) * beta, best first.

    Args:
        clips: results of a detector with a VerifierFusion behind it, whatever lambda it had.
        weight: lambda; 0 gives the detector's scores, 1 the verifier's.
        window: "segment" or "box", what alpha is the mean over.

    Raises:
        ConfigError: weight or window is out of range.
        DataError: a clip holds no alpha and beta.
    """
    if not 0 <= weight <= 1:
        raise ConfigError(f"lambda is {weight}, expected 0 to 1")
    if window not in WINDOWS:
        raise ConfigError(f"window is {window!r}, expected one of {', '.join(WINDOWS)}")
    return [_refuse(clip, weight, window) for clip in clips]


def _refuse(clip: ClipResult, weight: float, window: str) -> ClipResult:
    needed = ("detector_scores", f"{window}_scores")
    if clip.candidates and not all(name in clip.parts for name in needed):
        raise DataError(
            f"{clip.name}: holds the parts {sorted(clip.parts)}, expected {' and '.join(needed)}: "
            "evaluate with MODEL.POSTPROCESSORS ['VerifierFusion']"
        )
    beta, alpha = (clip.parts.get(name, []) for name in needed)
    scores = [fuse(a, b, weight) for a, b in zip(alpha, beta)]
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return replace(
        clip,
        candidates=[clip.candidates[i]._replace(score=scores[i]) for i in order],
        parts={name: [values[i] for i in order] for name, values in clip.parts.items()},
    )


def sweep(clips: Sequence[ClipResult], weights: Iterable[float], windows=WINDOWS):
    """Yield (window, weight, clips scored anew) of every pair."""
    for window in windows:
        for weight in weights:
            yield window, weight, refuse(clips, weight, window)
