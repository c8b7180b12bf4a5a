"""Test clips of several folds: pooled scores, thresholds and contrasts from the other folds.

``clips`` are {fold: {condition: every test clip with all its candidates}} throughout.
"""

from dataclasses import replace

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.evaluation import score_clips, tune_thresholds
from audiodet.postprocessing.contrast import contrasted
from papers.pairs import pool_scores

# Thresholds this near share their ER: what a row's rule means to tune_thresholds.
RULES = {
    "across": {},
    "smoothed": {"smoothing": 0.1},
    "smoothed in log-odds": {"smoothing": 0.5, "log_odds": True},
}


def pooled(clips: dict, condition: str, thresholds: dict):
    """Test results of all folds as one: at most one event a clip, of the label it is scored for."""
    return pool_scores(
        [score_clips(x[condition], RARE_LABELS, thresholds[f], True) for f, x in clips.items()]
    )


def tune_common(clips: list) -> dict:
    """One threshold for all labels, as configs/rcrnn/rare.yaml has it tuned."""
    return tune_thresholds(clips, RARE_LABELS, True, smoothing=0.1, common=True)


def tune_on_all(clips: dict, rule: str = "across") -> dict:
    """Thresholds of {fold: {condition: clips}}, all of them together, by one of RULES."""
    everything = [clip for fold in clips.values() for part in fold.values() for clip in part]
    return tune_thresholds(everything, RARE_LABELS, True, **RULES[rule])


def across_folds(clips: dict, rule: str = "across") -> dict:
    """{fold: thresholds} tuned on the clips of the other folds; {} where there is one alone.

    Under "all" stand thresholds of every fold's clips, for a model of all folds.
    """
    if len(clips) < 2:
        return {}
    return {"all": tune_on_all(clips, rule)} | {
        fold: tune_on_all(without(clips, fold), rule) for fold in clips
    }


def without(clips: dict, fold) -> dict:
    """The other folds."""
    return {other: found for other, found in clips.items() if other != fold}


def chosen_folds(candidates: dict, rule: str, name: str) -> tuple[dict, dict]:
    """Each fold's clips as the candidate has them that is best for the *other* folds.

    Args:
        candidates: {what it is: clips}; compared by ER at thresholds of the same clips.
        name: printed beside what a fold takes.

    Returns:
        the clips, and as of :func:`across_folds` thresholds: those of the other folds' clips as
        the fold's candidate has them.
    """
    folds = list(next(iter(candidates.values())))
    chosen, thresholds = {}, {}
    for fold in ["all", *folds] if len(folds) > 1 else []:
        errors, tuned = {}, {}
        for what, clips in candidates.items():
            others = without(clips, fold)
            tuned[what] = tune_on_all(others, rule)
            best = dict.fromkeys(others, tuned[what])
            errors[what] = sum(pooled(others, c, best).mean["ER"] for c in clips[min(others)])
        what = min(errors, key=errors.get)
        print(f"{name}, fold {fold}: {what}, the best of the other folds")
        thresholds[fold] = tuned[what]
        if fold != "all":
            chosen[fold] = candidates[what][fold]
    return chosen, thresholds


def of_each(clips: dict, function) -> dict:
    """The same with what a function makes of each clip."""
    found = {}
    for fold, conditions in clips.items():
        found[fold] = {name: list(map(function, part)) for name, part in conditions.items()}
    return found


def at_contrast(clips: dict, weight: float) -> dict:
    """The same clips with contrasted scores."""
    return of_each(clips, lambda clip: contrast_of(clip, weight))


def contrast_of(clip, weight: float):
    """A clip whose candidates have contrasted scores, best first."""
    events = []
    for label in RARE_LABELS:
        own = [event for event in clip.candidates if event.label == label]
        lengths = [event.offset - event.onset for event in own]
        scores = contrasted([event.score for event in own], lengths, clip.duration, weight)
        events += [event._replace(score=float(x)) for event, x in zip(own, scores)]
    return replace(clip, candidates=sorted(events, key=lambda event: -event.score), parts={})
