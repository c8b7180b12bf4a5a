"""AudioMask's lambda after the fact: clips are scored anew from stored alpha and beta."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError, DataError
from audiodet.evaluation import Matching, load_clips, score_clips, tune_thresholds
from audiodet.evaluation.clips import ClipResult
from audiodet.modeling.hooks.fusion import WINDOWS, fuse


def refuse(clips: Iterable[ClipResult], weight: float, window: str = "segment") -> list[ClipResult]:
    """The same clips with scores D = weight * alpha + (1 - weight) * beta, best first.

    Args:
        clips: results of a detector with a VerifierFusion after it, whatever lambda it had.
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
    candidates = [clip.candidates[i]._replace(score=scores[i]) for i in order]
    parts = {}
    for name, values in clip.parts.items():
        parts[name] = [values[i] for i in order]
    return replace(clip, candidates=candidates, parts=parts)


def sweep(clips: Sequence[ClipResult], weights: Iterable[float], windows=WINDOWS):
    """Yield (window, weight, clips scored anew) of every pair."""
    for window in windows:
        for weight in weights:
            yield window, weight, refuse(clips, weight, window)


def sweep_run(run: Path, weights: Sequence[float]) -> list[dict]:
    """ER and F1 of every set, window and lambda, thresholds from the run's validation clips.

    Labels, collar, and how thresholds are tuned are those of the run's own config.yaml.

    Args:
        run: OUTPUT_DIR of a run with MODEL.POSTPROCESSORS VerifierFusion.
    """
    cfg = load_config(str(run / "config.yaml"))
    labels = list(cfg.DATASETS.LABELS)
    best = cfg.TEST.BEST_EVENT_PER_CLIP
    matching = Matching.from_config(cfg)
    how = {"smoothing": cfg.TEST.TUNE_SMOOTHING, "common": cfg.TEST.TUNE_COMMON}
    validation = run / "inference" / "validation.jsonl"
    tuned = {}
    for window, weight, clips in sweep(load_clips(validation), weights):
        tuned[window, weight] = tune_thresholds(clips, labels, best, matching, **how)
    rows = []
    for path in (validation, *sorted(run.glob("inference/*/clips.jsonl"))):
        name = path.stem if path == validation else path.parent.name
        for window, weight, clips in sweep(load_clips(path), weights):
            mean = score_clips(clips, labels, tuned[window, weight], best, matching).mean
            row = {"set": name, "window": window, "lambda": weight}
            rows.append({**row, "ER": mean["ER"], "F1 %": mean["F1"]})
    return rows
