"""One engine for every published table: train, score, print beside the paper, judge its claims."""

from dataclasses import replace

import numpy as np
from detectron2.modeling import build_model

from audiodet.data.datasets.poly_mini import poly_mini_hash
from audiodet.data.datasets.rare_mini import rare_mini_hash
from audiodet.data.datasets.remix_mini import remix_mini_hash
from audiodet.data.datasets.weak_mini import weak_mini_hash
from audiodet.errors import ConfigError
from audiodet.modeling import keras_count
from audiodet.visualization import save_figure
from papers.analysis.figures import draw_curves
from papers.cells import Cells, print_table, signed, verdict
from papers.network import Network
from papers.poly_mini import PolyMini
from papers.rare_mini import RareCrowd, RareMasked, RareMini
from papers.runs import Options, Run, train_all, training_minutes
from papers.stored import StoredFigures, WeakMini
from papers.tables import Row, Table, build_table, columns_of, fill, load_tables

BENCHMARKS = {
    "network": Network,
    "poly-mini": PolyMini,
    "rare-crowd": RareCrowd,
    "rare-masked": RareMasked,
    "rare-mini": RareMini,
    "stored figures": StoredFigures,
    "weak-mini": WeakMini,
}
HASHES = {  # by what a dataset's name begins with
    "poly": poly_mini_hash,
    "rare": rare_mini_hash,
    "remix": remix_mini_hash,
    "weak": weak_mini_hash,
}
DIGITS = {"ER": 2, "F1": 1}


def parameters(run: Run) -> int:
    """Parameters of a run's model by the papers' rule (:func:`keras_count`)."""
    on_cpu = replace(run, opts={**run.opts, "MODEL.DEVICE": "cpu"})
    return keras_count(build_model(on_cpu.cfg))


def training_clips(run: Run) -> str:
    """Kinds of labels that weak-mini's clips of a training have."""
    return " + ".join(name.rpartition("_")[2] for name in run.cfg.DATASETS.TRAIN)


# What a column may want to know of the trainings of a row.
OF_TRAININGS = {
    "parameters": lambda runs: parameters(runs[0]),
    "iterations": lambda runs: runs[0].cfg.SOLVER.MAX_ITER,
    "minutes": lambda runs: float(np.mean([training_minutes(_trained(run)) for run in runs])),
    "trainings": len,
    "training clips": lambda runs: training_clips(runs[0]),
    "event threshold": lambda runs: runs[0].cfg.TEST.THRESHOLDS[0],
    "frame threshold": lambda runs: runs[0].cfg.TEST.FRAME_THRESHOLD,
}


def _trained(run: Run) -> Run:
    """The run, or where it only evaluates what another has trained, that one."""
    return run.after[0] if run.weights else run


def reproduce(name: str, options: Options) -> dict:
    """Print a table and return its figures; trainings that are done are not repeated.

    Returns:
        {label: {group: {metric: value}}} of its rows, "claims", "minutes" and "test sets", and
        what its benchmark has to add.
    """
    data = load_tables()[name]
    benchmark = BENCHMARKS[data["benchmark"]]
    table = build_table(name, data, benchmark.opts, options)
    if benchmark.trains:
        train_all(table.runs, options.jobs, options.cache)
    scoring = benchmark(table, options)
    scores = {row.label: scoring.scores(row) for row in table.rows}
    table.rows = [row for row in table.rows if scores[row.label]]
    if not table.rows:
        raise ConfigError(f"{name}: no row has thresholds from folds {options.folds} alone")
    report = {row.label: _figures(row, scoring, scores[row.label]) for row in table.rows}
    _print_rows(table, report, options)
    if benchmark.trains:
        report["minutes"] = _minutes(table)
        report["test sets"] = _test_sets(table)
    report["claims"] = _claims(table, scoring, scores)
    _print_claims(report["claims"], benchmark)
    report.update(scoring.extras(scores))
    if "picture" in data:
        _draw(table, report, options.root / f"{name}.png")
    _print_rest(data)
    return report


def show(name: str, report: dict, options: Options) -> None:
    """Print the table of a report that :func:`reproduce` has returned before; nothing is scored."""
    data = load_tables()[name]
    benchmark = BENCHMARKS[data["benchmark"]]
    table = build_table(name, data, benchmark.opts, options)
    table.rows = [row for row in table.rows if row.label in report]
    if not table.rows:
        raise ConfigError(f"{name}: the stored report has no row of it, found {sorted(report)}")
    _print_rows(table, report, options)
    _print_claims(report["claims"], benchmark)
    _print_rest(data)


def _print_rest(data: dict) -> None:
    """What stands below a table: its notes, and figures of the paper that have no row."""
    for note in data.get("notes", []):
        print(f"\n{note}")
    if "published" in data:
        published = data["published"]
        print_table(published["title"], published["rows"], published["headers"])


def _figures(row: Row, scoring, scores: dict) -> dict:
    """{group: figures} of a row, and what the columns want to know of its trainings."""
    figures = {group: scoring.figures(row, group, scores[group]) for group in scores}
    if row.runs and scoring.trains:
        columns = str(scoring.table.data["columns"])
        for name, value in OF_TRAININGS.items():
            if f"{{{name}" in columns:
                figures[name] = value(row.runs)
    return figures


def _print_rows(table: Table, report: dict, options: Options) -> None:
    """A line for each row, or for each row of each group; the paper's figures in the last cells."""
    data = table.data
    columns = columns_of(data)
    paper = data.get("paper", {})
    by_group = data.get("lines") == "groups"
    of_rows = report[table.rows[0].label]
    groups = [x for x in of_rows if isinstance(of_rows[x], dict)] if by_group else [None]
    lines = []
    for group in groups:
        for row in table.rows:
            cells = Cells(report[row.label], group)
            line = [row.label, group] if by_group else [row.label]
            line += [cells.format(column) for column in columns.values()]
            line += [figures.get(row.label, "") for figures in paper.values()]
            lines.append(line)
    headers = [data.get("first column", "system"), *[""] * by_group, *columns, *paper]
    if data.get("transpose"):
        headers, *lines = zip(headers, *lines)
    folds = ", ".join(map(str, options.folds or data.get("folds", ())))
    print_table(fill(data["title"], {"folds": folds}), lines, headers)


def _minutes(table: Table) -> dict[str, list[float]]:
    """Print seeds and print and return minutes of the trainings that the rows are of or start from.

    Minutes are of the training loops, without evaluation.
    """
    trained = [run for run in table.runs if not run.weights]
    minutes = {run.folder: training_minutes(run) for run in trained}
    if not minutes:
        return {}
    seeds = sorted({run.cfg.SEED for run in trained})
    print(
        f"\ntrainings: {len(minutes)}, seeds {', '.join(map(str, seeds))}, "
        f"{sum(minutes.values()):.1f} min of training loops in all"
    )
    by_name = {}
    for name, group in table.trainings.items():
        if group[0].folder in minutes:
            by_name[name] = [minutes[run.folder] for run in group]
    if "{minutes" not in str(table.data["columns"]):
        for name, each in by_name.items():
            print(f"{name}: {', '.join(f'{x:.1f}' for x in each)} min")
    return by_name


def _test_sets(table: Table) -> dict[str, str]:
    """Print and return {name of a test set: hash of its recipes}."""
    hashes = {}
    for row in table.rows:
        for run in row.runs:
            for name in run.cfg.DATASETS.TEST:
                benchmark = name.partition("_mini")[0]
                hashes[name] = HASHES[benchmark](name)
    print("\ntest sets: " + ", ".join(f"{name} {found}" for name, found in hashes.items()))
    return hashes


def _claims(table: Table, scoring, scores: dict) -> dict:
    """Differences of pairs of rows, and what they say of the paper's claims.

    Returns:
        {"a - b, group": {metric: (difference, low, high), "verdict": word}}; pairs about which
        the paper claims nothing have no verdict.
    """
    report = {}
    for key in ("claims", "differences"):
        for first, second in table.pairs(key):
            for group in scores[first]:
                name = f"{first} - {second}" + f", {group}" * (len(scores[first]) > 1)
                found = scoring.difference(scores[first][group], scores[second][group])
                if found and key == "claims":
                    _, low, high = found[scoring.metric]
                    if scoring.metric == "ER":  # less is better
                        low, high = -high, -low
                    found["verdict"] = verdict(low, high)
                if found:
                    report[name] = found
    return report


def _print_claims(claims: dict, scoring) -> None:
    """The differences of :func:`_claims`, those that the paper claims first."""
    for title in ("Claims (the first is better)", "Differences"):
        pairs = {k: x for k, x in claims.items() if ("verdict" in x) == title.startswith("Claims")}
        if pairs:
            print(f"\n{title}, 95 % intervals {scoring.interval}:\n")
        for name, found in pairs.items():
            figures = {key: value for key, value in found.items() if key != "verdict"}
            said = ", ".join(f"{x} {signed(value, DIGITS[x])}" for x, value in figures.items())
            if "verdict" in found:
                said += f": {found['verdict']} in {scoring.metric}"
            print(f"- {name}: {said}")


def _draw(table: Table, report: dict, path) -> None:
    """The rows as points, joined where they are of one curve."""
    picture = table.data["picture"]
    curves = {}
    for row in table.rows:
        point = []
        for axis in (picture["x"], picture["y"]):
            figures, metric = Cells(report[row.label]).look_up(axis)
            point.append((figures[0] if isinstance(figures, list) else figures)[metric])
        curves.setdefault(row.spec.get("curve", row.label), []).append(tuple(point))
    save_figure(draw_curves(curves, *picture["labels"], log_x=True), path)
    print(f"\npicture: {path}")
