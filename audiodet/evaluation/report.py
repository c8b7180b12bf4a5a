"""Scores as detectron2's flat results, and as tables for people."""

import json
import math
import os

import numpy as np
from tabulate import tabulate

from audiodet.evaluation.scores import SEDScores, micro_rates
from audiodet.evaluation.statistics import METRICS, intervals, label_figures, micro_figures
from audiodet.files import write_text

SHOWN = ("ER", "F1", "deletions", "insertions")


def results(scores: SEDScores, n_bootstrap: int = 0, seed: int = 0) -> dict[str, float]:
    """{metric: value} of one task.

    "ER", "F1" (percent), "deletions" and "insertions" (per true event; they add up to ER) are
    means over labels, "ER-<label>" and so on those of one label. "ER-low", "ER-high",
    "ER-source-low", "ER-<label>-low" ... bound 95 % intervals by clip and by source.
    """
    mean = scores.mean
    flat = {name: mean[name] for name in SHOWN}
    for label, values in scores.per_label.items():
        for name in SHOWN:
            flat[f"{name}-{label}"] = values[name]
    return {**flat, **intervals(scores, label_figures, n_bootstrap, seed)}


def label_results(scores: SEDScores, n_bootstrap: int = 0, seed: int = 0) -> dict[str, float]:
    """{metric: value}: "F1-<label>", "ER-<label>", "F1-mean", "ER-mean" over the labels that occur.

    "F1-<label>-low", "F1-mean-high" ... bound 95 % intervals by clip.
    """

    def figures(scores, weights):
        named = label_figures(scores, weights)
        return {f"{x}-mean" if x in METRICS else x: values for x, values in named.items()}

    flat = figures(scores, np.ones(len(scores.clips)))
    flat.update(intervals(scores, figures, n_bootstrap, seed, ("clip",)))
    return {name: float(value) for name, value in flat.items()}


def micro_results(scores: SEDScores, n_bootstrap: int = 0, seed: int = 0) -> dict[str, float]:
    """{metric: value} of all labels together (micro average), in percent and per true segment.

    Segments are summed over the clips; where clips have scenes, over each scene's clips, and the
    figures are the means over scenes (Çakır et al. 2017, section III-B; Mesaros et al. 2016).
    "F1-<scene>" stands there too, "F1-<label>" always. "F1-low", "ER-high", "F1-source-low" ...
    bound 95 % intervals by clip and by source.
    """
    table = micro_rates(scores.by_scene.sum(axis=0))
    flat = {name: values.mean() for name, values in table.items()}
    for name in ("F1", "ER"):
        for scene, value in zip(scores.scenes, table[name]):
            if scene is not None:
                flat[f"{name}-{scene}"] = value
    for name in ("F1", "ER"):
        for label, values in scores.per_label.items():
            flat[f"{name}-{label}"] = values[name]
    flat.update(intervals(scores, micro_figures, n_bootstrap, seed))
    return {name: float(value) for name, value in flat.items()}


def table(scores: SEDScores, flat: dict[str, float], thresholds=None) -> str:
    """A row per label, and one of summed counts and mean rates; intervals where `flat` has them."""
    rows = []
    totals = {**scores.totals, "all, mean rates": scores.counts.sum(axis=(0, 1))}
    for label, counts in totals.items():
        hits, inserted, missed = counts.astype(int)
        row = {"label": label, "events": hits + missed, "hits": hits, "missed": missed}
        row["inserted"] = inserted
        suffix = f"-{label}" if label in scores.labels else ""
        for name, digits, head in (("ER", 2, "ER"), ("F1", 1, "F1 %")):
            bounds = _bounds(flat, f"{name}{suffix}", digits)
            row[f"{head} [95 %]"] = f"{flat[f'{name}{suffix}']:.{digits}f} {bounds}".strip()
        if "ER-source-low" in flat:
            row["ER by source"] = _bounds(flat, f"ER{suffix}-source", 2)
            row["F1 % by source"] = _bounds(flat, f"F1{suffix}-source", 1)
        if thresholds and label in thresholds:
            row["threshold"] = f"{thresholds[label]:.3f}"
        rows.append(row)
    text = tabulate(rows, headers="keys", disable_numparse=True, colalign=["left"])
    if scores.without_reference:
        policy = "F1 scored 0 in the mean" if scores.zero_f1 else "left out of the mean"
        text += f"\nwithout a true event, {policy}: {', '.join(scores.without_reference)}"
    return text


def _bounds(flat: dict[str, float], name: str, digits: int) -> str:
    """The interval of a figure for people; empty where there is none."""
    if f"{name}-low" not in flat:
        return ""
    return f"[{flat[f'{name}-low']:.{digits}f}, {flat[f'{name}-high']:.{digits}f}]"


def micro_table(scores: SEDScores, flat: dict[str, float]) -> str:
    """F1 and ER in all, of each scene and of each label, for people."""
    rows = []
    for name in ("", *filter(None, scores.scenes), *scores.labels):
        suffix = f"-{name}" if name else ""
        rows.append([name or "all", f"{flat[f'F1{suffix}']:.1f}", f"{flat[f'ER{suffix}']:.2f}"])
    return tabulate(rows, ["", "F1 %", "ER"], disable_numparse=True)


def one_line(flat: dict[str, float], names) -> str:
    """Some figures for the log."""
    return ", ".join(f"{name} {flat[name]:.3g}" for name in names)


def without_nan(figures: dict) -> dict:
    """The same figures, of a task or of several, for JSON, which knows no NaN."""
    content = {}
    for name, value in figures.items():
        if isinstance(value, dict):
            value = without_nan(value)
        elif isinstance(value, float) and math.isnan(value):
            value = None
        content[name] = value
    return content


def write_json(content: dict, folder: str | None, name: str) -> None:
    """Write figures to a file of a folder, if there is one."""
    if folder:
        text = json.dumps(without_nan(content), indent=1) + "\n"
        write_text(os.path.join(folder, name), text)
