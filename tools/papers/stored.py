"""Rows whose figures the evaluators have written, and rows of weak-mini's events."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from audiodet.evaluation import Matching, load_clips, results, score_clips
from audiodet.evaluation.pairs import paired_bootstrap
from audiodet.events import thresholds_by_label
from papers.pairs import pool_scores
from papers.runs import Run, carried_rules
from papers.scoring import Scoring
from papers.tables import Row


class StoredFigures(Scoring):
    """The evaluators' figures of the first test set: means over folds, or of one training.

    The table names {group: [file, task]} under "figures". Pairs are compared by intervals that
    do not overlap, because an evaluator keeps no counts of a clip; under "paired" stands the group
    of events, which alone are then compared, clip by clip.
    """

    interval = "of the two figures do not overlap, or paired by source"

    def scores(self, row: Row) -> dict:
        """{group: runs of which events are paired, and the row's figures}."""
        runs = row.runs
        paired = self.table.data.get("paired")
        if "test" in row.spec:
            runs = [replace(x, opts={**x.opts, "DATASETS.TEST": [row.spec["test"]]}) for x in runs]
        scores = {}
        for group, (file, task) in self.table.data["figures"].items():
            figures = over_folds([stored(run, file, task) for run in runs])
            scores[group] = runs if group == paired else [], figures
        return scores

    def figures(self, row: Row, group: str, scores) -> dict:
        """Every figure that the evaluator wrote."""
        return scores[1]

    def difference(self, a, b) -> dict:
        """Of F1."""
        if a[0]:
            first, second = (pool_scores([event_scores(run) for run in runs]) for runs, _ in (a, b))
            return {"F1": paired_bootstrap(first, second, self.bootstrap, unit="source")["F1"]}
        if "paired" in self.table.data:
            return {}
        value, low, high = _f1_and_bounds(a[1])
        other, other_low, other_high = _f1_and_bounds(b[1])
        return {"F1": (value - other, low - other_high, high - other_low)}


class WeakMini(Scoring):
    """Events of weak-mini's test clips, counts summed over the seeds of a row; and PSDS."""

    interval = "by source, for these seeds"

    def scores(self, row: Row) -> dict:
        """{"events": scores}."""
        return {"events": over_seeds(row.runs)}

    def figures(self, row: Row, group: str, scores) -> dict:
        """ER and F1 with their intervals, F1 of each seed; means of PSDS and frames' precision."""
        figures = results(scores, n_bootstrap=self.bootstrap)
        figures["F1 of seeds"] = [results(over_seeds([run]))["F1"] for run in row.runs]
        files = [results_of(run) / "scores.json" for run in row.runs]
        of_seeds = [json.loads(path.read_text()) for path in files]
        for name in ("PSDS1", "PSDS2", "AP"):
            figures[name] = float(np.mean([each[name] for each in of_seeds]))
        return figures

    def difference(self, a, b) -> dict:
        """Of F1, paired clip by clip."""
        return {"F1": paired_bootstrap(a, b, self.bootstrap, unit="source")["F1"]}


def results_of(run: Run):
    """The evaluators' folder of a run's first test set."""
    return run.results(run.cfg.DATASETS.TEST[0])


def stored(run: Run, file: str, task: str) -> dict:
    """An evaluator's figures, {metric: value}; None where it has none."""
    return json.loads((results_of(run) / f"{file}.json").read_text())[task]


def _f1_and_bounds(figures: dict) -> list[float]:
    """NaN for each that is not known."""
    values = [figures.get("F1")]
    for end in ("-low", "-high"):
        values.append(figures.get(f"F1-source{end}", figures.get(f"F1{end}")))
    return [math.nan if value is None else value for value in values]


def over_folds(folds: list[dict]) -> dict:
    """Mean of the folds' figures; their 95 % intervals as of independent folds.

    The folds' distances from figure to bound are added in squares, and divided by their number.
    Folds without a figure (None) are left out; NaN where none has it, or a bound is missing.
    """
    if len(folds) == 1:
        return folds[0]
    means = {}
    for name in folds[0]:
        if name.endswith(("-low", "-high")):
            continue
        known = [fold for fold in folds if fold.get(name) is not None]
        means[name] = float(np.mean([fold[name] for fold in known])) if known else math.nan
        for end, sign in (("low", -1), ("high", 1)):
            bounds = [fold.get(f"{name}-{end}") for fold in known]
            means[f"{name}-{end}"] = math.nan
            if known and None not in bounds:
                far = math.hypot(*(bound - fold[name] for bound, fold in zip(bounds, known)))
                means[f"{name}-{end}"] = means[name] + sign * far / len(known)
    return means


def event_scores(run: Run):
    """Events of a run's test clips, decided and matched as its configuration says.

    The clips' names say nothing of a mixture's level: those of two levels can be paired.
    """
    cfg = run.cfg
    clips = load_clips(results_of(run) / "clips.jsonl")
    clips = [replace(clip, name=re.sub(r"_\d+db_", "_", clip.name)) for clip in clips]
    thresholds = final_thresholds(run)
    scores = score_clips(clips, cfg.DATASETS.LABELS, thresholds, False, Matching.from_config(cfg))
    return replace(scores, zero_f1=cfg.TEST.ZERO_WITHOUT_REFERENCE)


def final_thresholds(run: Run) -> dict[str, float]:
    """Of each label: the weights' own, what TEST.TUNE_RULES found, or else TEST.THRESHOLDS."""
    cfg = run.cfg
    values = cfg.TEST.THRESHOLDS
    path = run.folder / "decisions.yaml"
    is_tuned = run.tune or cfg.TEST.TUNE_RULES
    if run.weights and Path(run.weights).is_file() and not is_tuned:
        values = carried_rules(run.weights)["TEST.THRESHOLDS"]
    elif cfg.TEST.TUNE_RULES and path.is_file():
        values = yaml.safe_load(path.read_text())["TEST"]["THRESHOLDS"]
    return thresholds_by_label(values, cfg.DATASETS.LABELS)


def over_seeds(runs: list[Run]):
    """Scores of the same clips with the counts of all runs summed."""
    scores = [event_scores(run) for run in runs]
    return replace(scores[0], counts=np.sum([each.counts for each in scores], axis=0))
