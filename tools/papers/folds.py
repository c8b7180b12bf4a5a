"""Test clips of several folds: pooled scores, thresholds and contrasts from the other folds.

``clips`` are {fold: {condition: every test clip with all its candidates}} throughout.
"""

from dataclasses import replace

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.evaluation import score_clips, tune_thresholds
from audiodet.modeling.hooks.clip_contrast import contrasted
from papers.pairs import pool_scores

SMOOTHING = 0.1  # thresholds this near share their ER where a row's are "smoothed"


def pooled(clips: dict, condition: str, thresholds: dict):
    """Test results of all folds as one: at most one event a clip, of the label it is scored for."""
    return pool_scores(
        [score_clips(x[condition], RARE_LABELS, thresholds[f], True) for f, x in clips.items()]
    )


def tune_common(clips: list) -> dict:
    """One threshold for all labels, as configs/rcrnn/rare.yaml has it tuned."""
    return tune_thresholds(clips, RARE_LABELS, True, smoothing=0.1, common=True)


def tune_on_all(clips: dict, smoothing: float = 0.0) -> dict:
    """Thresholds of {fold: {condition: clips}}, all of them together."""
    everything = [clip for fold in clips.values() for part in fold.values() for clip in part]
    return tune_thresholds(everything, RARE_LABELS, True, smoothing=smoothing)


def across_folds(clips: dict, smoothing: float = 0.0) -> dict:
    """{fold: thresholds} tuned on the clips of the other folds; {} where there is one alone.

    Under "all" stand thresholds of every fold's clips, for a model of all folds.
    """
    if len(clips) < 2:
        return {}
    thresholds = {"all": tune_on_all(clips, smoothing)}
    for fold in clips:
        others = {other: found for other, found in clips.items() if other != fold}
        thresholds[fold] = tune_on_all(others, smoothing)
    return thresholds


def contrast_folds(clips: dict, weights, name: str) -> dict:
    """The same clips with contrasted scores.

    Args:
        weights: of :func:`contrasted`; of several each fold takes what is best for the others.
        name: printed beside what a fold takes.
    """
    if not isinstance(weights, list):
        return at_contrast(clips, weights) if weights else clips
    candidates = {weight: at_contrast(clips, weight) for weight in weights}
    chosen = {}
    for fold in clips:
        errors = {}
        for weight, edit in candidates.items():
            others = {other: found for other, found in edit.items() if other != fold}
            best = dict.fromkeys(others, tune_on_all(others, SMOOTHING))
            errors[weight] = sum(pooled(others, c, best).mean["ER"] for c in clips[fold])
        weight = min(errors, key=errors.get)
        print(f"{name}, fold {fold}: contrast {weight:g}, the best of the other folds")
        chosen[fold] = candidates[weight][fold]
    return chosen


def at_contrast(clips: dict, weight: float) -> dict:
    """The same clips with contrasted scores."""
    found = {}
    for fold, conditions in clips.items():
        found[fold] = {c: [contrast_of(x, weight) for x in part] for c, part in conditions.items()}
    return found


def contrast_of(clip, weight: float):
    """A clip whose candidates have contrasted scores, best first."""
    events = []
    for label in RARE_LABELS:
        own = [event for event in clip.candidates if event.label == label]
        lengths = [event.offset - event.onset for event in own]
        scores = contrasted([event.score for event in own], lengths, clip.duration, weight)
        events += [event._replace(score=float(x)) for event, x in zip(own, scores)]
    return replace(clip, candidates=sorted(events, key=lambda event: -event.score), parts={})
