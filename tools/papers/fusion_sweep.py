"""AudioMask's lambda after the fact: clips are scored anew from stored alpha and beta.

And its verifier after the fact: it hears the regions that a detector's run stored.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from detectron2.modeling.postprocessing import detector_postprocess
from sklearn.metrics import average_precision_score
from torch import nn

from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.errors import ConfigError, DataError
from audiodet.evaluation import Matching, load_clips, score_clips, tune_thresholds
from audiodet.evaluation.clips import ClipResult
from audiodet.files import write_text
from audiodet.modeling.frame_events import as_instances
from audiodet.modeling.hooks.fusion import WINDOWS, VerifierFusion, fuse
from audiodet.modeling.model import SEDModel


class StoredRegions(SEDModel, nn.Module):
    """A detector that has been run: its events of the scored labels, and a verifier behind them."""

    def __init__(self, cfg, run: Path):
        super().__init__()
        self.fusion = VerifierFusion(cfg)
        self.labels = list(cfg.DATASETS.LABELS)
        self.clips = {}
        for path in (run / "inference").rglob("*.jsonl"):
            self.clips.update({clip.name: clip for clip in load_clips(path)})

    def forward(self, batched_inputs: list) -> list:
        """Input dicts -> [{"instances"}] in seconds; DataError for a clip that the run has not."""
        return [self._heard(clip) for clip in batched_inputs]

    def _heard(self, clip: dict) -> dict:
        name = os.path.basename(clip["file_name"])
        if name not in self.clips:
            raise DataError(f"{name}: no clip of the run, expected its validation and test clips")
        size = clip["image"].shape[-2:]
        scale = size[1] / clip["width"]  # frames a second
        stored = self.clips[name]
        rows = []
        for event in filter(lambda event: stored.is_scored(event.label), stored.candidates):
            times = (event.onset * scale, event.offset * scale)
            rows.append((*times, event.score, self.labels.index(event.label)))
        (found,) = self.fusion([clip], [as_instances(rows, size)])
        return {"instances": detector_postprocess(found, clip["height"], clip["width"])}


def fuse_anew(run: Path, config_file: str, opts: Sequence[str] = ()) -> Path:
    """Put the verifier of a configuration behind a detector's run -> folder of the fused run.

    Only the verifier runs. Writes what an evaluation does, tuned thresholds among it.
    """
    cfg = load_config(config_file, opts)
    folder = Path(cfg.OUTPUT_DIR)
    write_text(folder / "config.yaml", cfg.dump())
    Trainer.test(cfg, StoredRegions(cfg, run))
    return folder


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
            precision = ranking(clips, labels, matching.collar)
            rows.append({**row, "ER": mean["ER"], "F1 %": mean["F1"], "AP %": precision})
    return rows


def ranking(clips: Sequence[ClipResult], labels: Sequence[str], collar: float) -> float:
    """Average precision of the best event of each clip by its onset, the labels' mean, in percent.

    No threshold takes part: it says how well scores part hits from false alarms.
    """
    values = []
    for label in labels:
        scores, hits = [], []
        events = 0
        for clip in (clip for clip in clips if clip.is_scored(label)):
            onsets = [event.onset for event in clip.reference if event.label == label]
            own = [event for event in clip.candidates if event.label == label]
            events += len(onsets)
            if own:
                best = max(own, key=lambda event: event.score)
                scores.append(best.score)
                hits.append(any(abs(best.onset - onset) <= collar for onset in onsets))
        found = sum(hits) / events if events else 0.0
        values.append(found and found * average_precision_score(hits, scores))
    return 100.0 * sum(values) / len(values)
