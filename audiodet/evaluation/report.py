"""Scores as tables for people and as JSON files."""

import json
import os

from tabulate import tabulate

from audiodet.evaluation.scores import SEDScores
from audiodet.files import write_text


def table(scores: SEDScores, flat: dict[str, float], thresholds=None) -> str:
    """A row per label, and one of summed counts and mean rates; intervals where `flat` has them."""
    rows = []
    totals = {**scores.totals, "all, mean rates": scores.counts.sum(axis=(0, 1))}
    for label, counts in totals.items():
        hits, inserted, missed = counts.astype(int)
        row = {"label": label, "events": hits + missed, "hits": hits, "missed": missed}
        row["inserted"] = inserted
        suffix = f"-{label}" if label in scores.labels else ""
        row["ER [95 %]"] = f"{flat[f'ER{suffix}']:.2f} {_bounds(flat, f'ER{suffix}', 2)}".strip()
        row["F1 % [95 %]"] = f"{flat[f'F1{suffix}']:.1f} {_bounds(flat, f'F1{suffix}', 1)}".strip()
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


def write_json(content: dict, folder: str | None, name: str) -> None:
    """Write figures to a file of a folder, if there is one; NaN, which JSON lacks, as null."""
    if folder:
        content = json.loads(json.dumps(content), parse_constant=lambda _: None)
        write_text(os.path.join(folder, name), json.dumps(content, indent=1) + "\n")
