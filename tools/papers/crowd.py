"""R-CRNN on clips of several events: the models that ship, and training on such clips."""

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.evaluation import load_clips, pool_scores, results, score_clips
from papers.runs import (
    CONDITIONS,
    Options,
    Run,
    pooled_scores,
    shipped_rcrnn,
    shipped_thresholds,
    thresholds_of,
    train_all,
)
from papers.tables import er_and_f1, print_table, print_trainings

EVENTS = {"1": (1,), "2 or 3": (2, 3), "4 to 6": (4, 5, 6)}
SHIPPED, TRAINED = "R-CRNN that ships", "trained on crowded clips"


def rare_crowd(options: Options) -> dict:
    """Print and return ER and F1 by how many events a clip holds, and on rare-mini's own clips.

    Any number of events may be found in a crowded clip, and it is scored for all labels. With
    ``shipped`` only the models that ship, at the thresholds inside; else those of
    configs/rcrnn/rare_crowd.yaml too. Both have thresholds of clips with at most one event, across
    folds (:func:`~papers.runs.thresholds_of`).
    """
    systems = {SHIPPED: [_run(options, fold, str(shipped_rcrnn(fold))) for fold in options.folds]}
    if not options.shipped:
        systems[TRAINED] = [_run(options, fold) for fold in options.folds]
    train_all([run for runs in systems.values() for run in runs], options.jobs, options.cache)
    report = {name: _figures(runs) for name, runs in systems.items()}
    rows = [
        [
            system,
            name,
            figures["clips"],
            *er_and_f1(figures),
            *(f"{figures[f'ER-{x}']:.2f}" for x in RARE_LABELS),
        ]
        for system, found in report.items()
        for name, figures in found.items()
    ]
    headers = ["system", "events in a clip", "clips", "ER [by source]", "F1 %", *RARE_LABELS]
    print_table("Clips of several events", rows, headers)
    if TRAINED in systems:
        print_trainings(systems[TRAINED])
    return report


def _run(options: Options, fold: int, weights: str | None = None) -> Run:
    names = [f"rare_mini_{condition}_fold{fold}" for condition in CONDITIONS]
    opts = ["DATASETS.TRAIN", str([f"rare_mini_crowd_fold{fold}_train"])]
    opts += ["DATASETS.VAL", str([f"{name}_val" for name in names])]
    opts += ["DATASETS.TEST", str([_crowd(fold), *(f"{name}_test" for name in names)])]
    folder = options.root / f"rcrnn_crowd{'_shipped' * bool(weights)}_fold{fold}"
    config = options.configs / "rcrnn" / "rare_crowd.yaml"
    return Run(config, folder, fold, [*opts, *options.opts], weights=weights)


def _crowd(fold: int) -> str:
    return f"rare_mini_crowd_fold{fold}_test"


def _figures(runs: list[Run]) -> dict:
    """{how many events a clip holds, or a condition of rare-mini: its figures}."""
    shipped = {run.fold: shipped_thresholds(run.weights) for run in runs if run.weights}
    thresholds = shipped or thresholds_of(runs)
    scores = {
        name: pool_scores([_crowded(run, counts, thresholds[run.fold]) for run in runs])
        for name, counts in EVENTS.items()
    }
    for condition in CONDITIONS:
        scores[f"at most 1, {condition}"] = pooled_scores(runs, condition, thresholds)
    return {k: {**results(s, n_bootstrap=1000), "clips": len(s.clips)} for k, s in scores.items()}


def _crowded(run: Run, counts: tuple, thresholds: dict):
    """Scores of the clips of one fold that hold so many events."""
    clips = load_clips(run.folder / "inference" / _crowd(run.fold) / "clips.jsonl")
    return score_clips([c for c in clips if len(c.reference) in counts], RARE_LABELS, thresholds)
