"""Cells and tables that the published comparisons share."""

import json
import math

from detectron2.modeling import build_model
from tabulate import tabulate

from audiodet.engine.setup import load_config
from audiodet.evaluation import paired_bootstrap, results
from papers.runs import (
    CONDITIONS,
    Options,
    Run,
    own_thresholds,
    pooled_scores,
    rare_mini_run,
    temporal_ap50,
    training_minutes,
)
from audiodet.modeling import keras_count

ER_AND_F1 = ("ER [by source]", "F1 %")
BY_CLIP = "intervals by clip: a clip holds several sources"
VERDICTS = ("confirmed", "contradicted", "not shown")
# Few steps, so that all rows of a table on one fold fit into half an hour on two cores; the same
# for every row of a table.
SHORT = ["SOLVER.MAX_ITER", "600", "SOLVER.VAL_PERIOD", "600", "SOLVER.CHECKPOINT_PERIOD", "300"]


def short_run(options: Options, config: str, name: str, opts=(), **kwargs) -> Run:
    """A :class:`Run` of 600 iterations on fold 0 of rare-mini."""
    return rare_mini_run(
        options.configs / f"{config}.yaml",
        name,
        0,
        options.root,
        opts=[*SHORT, *options.opts, *opts],
        **kwargs,
    )


def interval(figures: dict, metric: str, unit: str, digits: int = 2) -> str:
    """Bounds by clip (unit "") or by source (unit "-source") as text."""
    low, high = figures[f"{metric}{unit}-low"], figures[f"{metric}{unit}-high"]
    return f"[{low:.{digits}f}, {high:.{digits}f}]"


def cell(figures: dict, metric: str, digits: int) -> str:
    """A figure and its interval by clip, where it has one; "n/a" where there is no figure."""
    value, *bounds = (figures.get(f"{metric}{end}") for end in ("", "-low", "-high"))
    if value is None or math.isnan(value):
        return "n/a"
    if None in bounds or any(map(math.isnan, bounds)) or bounds[0] == bounds[1]:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} {interval(figures, metric, '', digits)}"


def signed(difference, digits: int) -> str:
    """(difference, low, high) as text with signs."""
    return "{:+.{n}f} [{:+.{n}f}, {:+.{n}f}]".format(*difference, n=digits)


def verdict(low: float, high: float, words=VERDICTS) -> str:
    """What an interval of a difference says of the claim that it is positive; NaN: nothing."""
    return words[0] if low > 0 else words[1] if high < 0 else words[2]


def er_difference(name: str, a, b) -> dict:
    """Print and return the paired difference of ER of two results, a - b, by source group."""
    found = paired_bootstrap(a, b, unit="source")["ER"]
    print(f"{name}: {signed(found, 2)} by source")
    return dict(zip(("ER", "low", "high"), found))


def stored(run: Run, dataset: str, file: str, task: str) -> dict:
    """An evaluator's figures of a dataset, {metric: value}; None where it has none."""
    return json.loads((run.folder / "inference" / dataset / f"{file}.json").read_text())[task]


def parameters(run: Run) -> int:
    """Parameters of a run's model by the papers' rule (:func:`keras_count`)."""
    cfg = load_config(str(run.config), [*run.opts, "MODEL.DEVICE", "cpu"])
    return keras_count(build_model(cfg))


def print_trainings(runs, by_clip: bool = False) -> None:
    """Seeds and minutes of all trainings behind a table, those that ``runs`` start from included.

    Minutes are of the training loops, without evaluation. ``by_clip``: also what the table's
    intervals leave out.
    """
    everything = {r.folder: r for run in runs for r in (*run.after, run) if not r.weights}.values()
    seeds = sorted({load_config(str(run.config), run.opts).SEED for run in everything})
    minutes = sum(training_minutes(run) for run in everything)
    if by_clip:
        print(f"\n{BY_CLIP}")
    print(
        f"trainings: {len(everything)}, seeds {', '.join(map(str, seeds))}, "
        f"{minutes:.1f} min of training loops in all"
    )


def er_and_f1(figures: dict) -> list[str]:
    """The cells of ER_AND_F1."""
    return [f"{figures['ER']:.2f} {interval(figures, 'ER', '-source')}", f"{figures['F1']:.1f}"]


def print_table(title: str, rows: list, headers: list) -> None:
    """A table for a README."""
    print(f"\n{title}\n")
    print(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


def _paper(paper: dict, name: str) -> list[str]:
    return [f"{paper[name]:.3f}"] if paper else []


def fold_table(title: str, key: str, rows: dict, paper: dict, pairs=()) -> dict:
    """Print and return ER, F1 and AP50 of single-fold runs {name: Run} beside the paper's ER.

    For each of ``pairs`` of names, the difference of ER by :func:`er_difference` too.
    """
    report, table, scores = {}, [], {}
    for name, run in rows.items():
        line, thresholds = [name], own_thresholds([run])
        report[name] = {"minutes": training_minutes(run)}
        for condition in CONDITIONS:
            scores[name, condition] = pooled_scores([run], condition, thresholds)
            figures = results(scores[name, condition], n_bootstrap=1000)
            report[name][condition] = {**figures, "AP50": temporal_ap50(run, condition)}
            line += [*er_and_f1(figures), f"{report[name][condition]['AP50']:.1f}"]
        table.append([*line, f"{report[name]['minutes']:.1f}", *_paper(paper, name)])
    each = [f"{c} {x}" for c in CONDITIONS for x in (*ER_AND_F1, "AP50")]
    print_table(title, table, [key, *each, "train min", *(["paper, ER"] if paper else [])])
    for a, b in pairs:
        report[f"{a} - {b}"] = {
            c: er_difference(f"{c}, paired difference of ER, {a} - {b}", scores[a, c], scores[b, c])
            for c in CONDITIONS
        }
    print_trainings(rows.values())
    return report
