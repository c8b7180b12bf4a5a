"""Scores as detectron2's flat results, and as a table for people."""

import json
import math
import os

from tabulate import tabulate

from audiodet.evaluation.bootstrap import bootstrap, has_sources
from audiodet.evaluation.counts import SEDScores
from audiodet.files import write_text

SHOWN = ("ER", "F1", "deletions", "insertions")


def results(scores: SEDScores, n_bootstrap: int = 0, seed: int = 0) -> dict[str, float]:
    """{metric: value} for one task.

    "ER", "F1" (percent), "deletions" and "insertions" (per true event; they add up to ER) are
    means over labels, "ER-<label>" and so on those of one label. "ER-low", "ER-high",
    "ER-source-low", "ER-<label>-low" ... bound 95 % intervals by clip and by source.
    """
    flat = {name: scores.mean[name] for name in SHOWN}
    for label, values in scores.per_label.items():
        flat.update({f"{name}-{label}": values[name] for name in SHOWN})
    if n_bootstrap:
        for unit, suffix in [("clip", ""), ("source", "-source")]:
            if unit == "clip" or has_sources(scores):
                for name, (low, high) in bootstrap(scores, n_bootstrap, seed, unit).items():
                    flat[f"{name}{suffix}-low"], flat[f"{name}{suffix}-high"] = low, high
    return flat


def table(scores: SEDScores, flat: dict[str, float], thresholds=None) -> str:
    """A row per label, and one of summed counts and mean rates; intervals where `flat` has them."""
    by_source = "ER-source-low" in flat
    headers = ["label", "events", "hits", "missed", "inserted", "ER [95 %]", "F1 % [95 %]"]
    headers += ["ER by source", "F1 % by source"] * by_source + ["threshold"] * bool(thresholds)
    rows = []
    for label, (hits, inserted, missed) in scores.totals.items():
        row = [label, *(int(x) for x in (hits + missed, hits, missed, inserted))]
        row += _figures(flat, f"-{label}", by_source)
        rows.append(row + ([f"{thresholds[label]:.3f}"] if thresholds else []))
    hits, inserted, missed = (int(x) for x in scores.counts.sum(axis=(0, 1)))
    rows.append(
        ["all, mean rates", hits + missed, hits, missed, inserted, *_figures(flat, "", by_source)]
    )
    text = tabulate(rows, headers=headers, disable_numparse=True, colalign=["left"])
    if scores.without_reference:
        policy = "F1 scored 0 in the mean" if scores.zero_f1 else "left out of the mean"
        text += f"\nwithout a true event, {policy}: {', '.join(scores.without_reference)}"
    return text


def _figures(flat: dict[str, float], suffix: str, by_source: bool) -> list[str]:
    cells = []
    for unit in ["", "-source"][: 1 + by_source]:
        for metric, digits in [("ER", 2), ("F1", 1)]:
            name = f"{metric}{suffix}"
            low, high = flat.get(f"{name}{unit}-low"), flat.get(f"{name}{unit}-high")
            interval = "" if low is None else f"[{low:.{digits}f}, {high:.{digits}f}]"
            cells.append(interval if unit else f"{flat[name]:.{digits}f} {interval}".strip())
    return cells


def without_nan(flat: dict[str, float]) -> dict[str, float | None]:
    """The same figures for JSON, which knows no NaN."""
    return {name: None if math.isnan(value) else value for name, value in flat.items()}


def write_figures(found: dict, folder: str | None, name: str) -> None:
    """{task: {metric: value}} as JSON, if there is a folder."""
    if folder:
        text = json.dumps({task: without_nan(flat) for task, flat in found.items()}, indent=1)
        write_text(os.path.join(folder, name), text + "\n")
