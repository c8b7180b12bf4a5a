"""The main result on rare-mini: R-CRNN, a frame-level control and spectral flux, all folds."""

from collections import Counter

from audiodet.data.datasets.rare_mini import RARE_LABELS, rare_mini_hash
from audiodet.evaluation import paired_bootstrap, results
from papers.onset_baselines import spectral_flux_events
from papers.error_kinds import KINDS, error_kinds
from papers.controls import control
from papers.runs import (
    CONDITIONS,
    Options,
    best_possible,
    cross_fold_thresholds,
    own_thresholds,
    pooled_scores,
    rare_mini_run,
    shipped_rcrnn,
    shipped_thresholds,
    test_clips,
    train_all,
    training_minutes,
)
from papers.tables import interval, print_table, print_trainings

CONTROL = "frame-level control"
SYSTEMS = {
    "R-CRNN": ("rcrnn/rare", "rcrnn"),
    CONTROL: ("rcrnn/frame_control", "frame_control"),
}
COLUMNS = (*KINDS, "false alarm")
ACROSS = ", thresholds across folds"


def rare_mini(options: Options) -> dict:
    """Train or load, score with thresholds from sources that a fold's test does not hold, compare.

    Thresholds are those of the groups that each training held out, and, in rows of their own, those
    of :func:`~papers.runs.cross_fold_thresholds` (weights that ship hold these).
    Beside the R-CRNN that ships the control has a row only where its folds were trained before.
    """
    systems = {
        system: [_run(options, system, fold) for fold in options.folds] for system in SYSTEMS
    }
    if options.shipped and not all(run.done for run in systems[CONTROL]):
        del systems[CONTROL]
    train_all([run for runs in systems.values() for run in runs], options.jobs, options.cache)
    rows = {}
    for system, runs in systems.items():
        rows[system] = runs, own_thresholds(runs)
        if shipped := {run.fold: shipped_thresholds(run.weights) for run in runs if run.weights}:
            everywhere = {"all": cross_fold_thresholds(runs)["all"]}
            rows[f"{system}{ACROSS}"] = runs, shipped | everywhere
        elif len(runs) > 1:
            rows[f"{system}{ACROSS}"] = runs, cross_fold_thresholds(runs)
    report = {
        "test sets": _test_sets(options.folds),
        "thresholds": {name: thresholds for name, (_, thresholds) in rows.items()},
        "minutes": _minutes(systems),
        "best possible": {name: best_possible(runs) for name, runs in systems.items()},
    }
    flux = control(options, spectral_flux_events)
    for condition in CONDITIONS:
        report[condition] = _compare(rows, flux[condition], condition)
    report["errors"] = {c: errors(*rows["R-CRNN"], c) for c in CONDITIONS}
    print_rare_mini(report)
    trained = [run for runs in systems.values() for run in runs if not run.weights]
    if trained:
        print_trainings(trained)
    return report


def _run(options: Options, system: str, fold: int):
    config, name = SYSTEMS[system]
    shipped = options.shipped and system == "R-CRNN"
    return rare_mini_run(
        options.configs / f"{config}.yaml",
        name + "_shipped" * shipped,
        fold,
        options.root,
        opts=options.opts,
        weights=str(shipped_rcrnn(fold)) if shipped else None,
        tune=shipped,
    )


def _compare(rows: dict, flux, condition: str) -> dict:
    """Figures of every row; paired differences of ER to R-CRNN, of like thresholds too."""
    scores = {
        name: pooled_scores(runs, condition, thresholds)
        for name, (runs, thresholds) in rows.items()
    }
    scores["spectral flux"] = flux
    figures = {name: results(s, n_bootstrap=1000) for name, s in scores.items()}
    pairs = [("R-CRNN", other) for other in list(scores)[1:]]
    if f"{CONTROL}{ACROSS}" in scores:
        pairs.append((f"R-CRNN{ACROSS}", f"{CONTROL}{ACROSS}"))
    for ours, other in pairs:
        difference = paired_bootstrap(scores[ours], scores[other], unit="source")["ER"]
        figures[f"{ours} - {other}"] = dict(zip(("ER", "low", "high"), difference))
    return figures


def errors(runs, thresholds: dict, condition: str) -> dict:
    """{label: counts of :func:`error_kinds`} over all folds."""
    total = {label: Counter() for label in RARE_LABELS}
    for run in runs:
        for label, kinds in error_kinds(test_clips(run, condition), thresholds[run.fold]).items():
            total[label].update(kinds)
    return total


def _test_sets(folds) -> dict:
    return {
        name: rare_mini_hash(name)
        for condition in CONDITIONS
        for name in [f"rare_mini_{condition}_fold{fold}_test" for fold in folds]
    }


def _minutes(systems: dict) -> dict:
    """{system: minutes of each fold's training}, of those that were trained here."""
    trained = {name: [run for run in runs if not run.weights] for name, runs in systems.items()}
    return {name: list(map(training_minutes, runs)) for name, runs in trained.items() if runs}


def print_rare_mini(report: dict) -> None:
    """The report as tables for a README."""
    for condition in CONDITIONS:
        rows = []
        for system, figures in report[condition].items():
            if " - " in system:
                continue
            row = [system]
            for suffix in ["", *(f"-{label}" for label in RARE_LABELS)]:
                er, f1 = figures[f"ER{suffix}"], figures[f"F1{suffix}"]
                row.append(f"{er:.2f} / {f1:.1f}")
            row += [interval(figures, "ER", unit) for unit in ("", "-source")]
            row += [interval(figures, "F1", unit, 1) for unit in ("", "-source")]
            rows.append(row)
        headers = ["system", "ER / F1 %", *RARE_LABELS]
        headers += ["ER by clip", "ER by source", "F1 by clip", "F1 by source"]
        print_table(f"rare-mini, {condition}", rows, headers)
        for name, difference in report[condition].items():
            if " - " in name:
                print(
                    f"paired difference of ER, {name}: {difference['ER']:+.2f} "
                    f"[{difference['low']:+.2f}, {difference['high']:+.2f}] by source"
                )
        table = [
            [x, *(kinds[k] for k in COLUMNS)] for x, kinds in report["errors"][condition].items()
        ]
        print_table(
            f"R-CRNN, {condition}: the most confident candidate of a clip", table, ["", *COLUMNS]
        )
    print("\ntest sets: " + ", ".join(f"{k} {v}" for k, v in report["test sets"].items()))
    for system, errors in report["best possible"].items():
        each = ", ".join(f"{condition} {error:.2f}" for condition, error in errors.items())
        print(f"{system}: ER at the thresholds that are best for these very clips: {each}")
    for system, minutes in report["minutes"].items():
        print(f"{system}: training of each fold {', '.join(f'{m:.1f}' for m in minutes)} min")
