"""Detectors on networks trained on AudioSet: all folds of rare-mini, thresholds across folds."""

from pathlib import Path

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.evaluation import paired_bootstrap, results, tune_thresholds
from audiodet.weights import SHIPPED
from papers.runs import (
    CONDITIONS,
    Options,
    best_possible,
    pooled_scores,
    rare_mini_run,
    test_clips,
    train_all,
)
from papers.tables import er_and_f1, print_table, print_trainings, signed

# The ER of a threshold is its mean over thresholds up to this far away: of a label two dozen
# sources decide, and the exact best of some of them is luck for the others.
SMOOTHING = 0.1
# Systems by name: the configuration, and the fold models that ship or "" where none do.
SYSTEMS = {
    "mn04, frame-level head": ("pretrained/mn04_frame", "audiodet_rare_mini_fold{}"),
    "mn04, R-CRNN's heads": ("pretrained/mn04_rcrnn", ""),
    "mn04, AudioMask's heads": ("pretrained/mn04_audiomask", ""),
}


def pretrained_rare(options: Options) -> dict:
    """Print and return ER and F1 of each system at thresholds from the other folds' test clips.

    With ``shipped`` only the fold models that ship, without training.
    """
    systems = {
        system: [_run(options, config, shipped, fold) for fold in options.folds]
        for system, (config, shipped) in SYSTEMS.items()
        if shipped or not options.shipped
    }
    cache = (*options.cache, "MODEL.PRETRAINED.CACHE_DIR", str(options.root / "maps"))
    train_all([run for runs in systems.values() for run in runs], options.jobs, cache)
    report = {"thresholds": {name: smoothed_thresholds(runs) for name, runs in systems.items()}}
    for condition in CONDITIONS:
        report[condition] = _compare(systems, report["thresholds"], condition)
    report["best possible"] = {name: best_possible(runs) for name, runs in systems.items()}
    for name, errors in report["best possible"].items():
        each = ", ".join(f"{condition} {error:.2f}" for condition, error in errors.items())
        print(f"{name}: ER at the thresholds that are best for these very clips: {each}")
    if not options.shipped:
        print_trainings([run for runs in systems.values() for run in runs])
    return report


def smoothed_thresholds(runs) -> dict:
    """{fold: thresholds} tuned on the test clips of the other folds, "all": on those of every fold.

    As :func:`~papers.runs.cross_fold_thresholds`, but smoothed.
    """
    clips = {run.fold: [c for x in CONDITIONS for c in test_clips(run, x)] for run in runs}
    thresholds = {}
    for fold in (*clips, "all"):
        chosen = [clip for other, own in clips.items() if other != fold for clip in own]
        thresholds[fold] = tune_thresholds(chosen, RARE_LABELS, True, smoothing=SMOOTHING)
    return thresholds


def _run(options: Options, config: str, shipped: str, fold: int):
    name = Path(config).name + "_shipped" * options.shipped
    weights = str(SHIPPED / f"{shipped.format(fold)}.safetensors") if options.shipped else None
    path = options.configs / f"{config}.yaml"
    return rare_mini_run(path, name, fold, options.root, opts=options.opts, weights=weights)


def _compare(systems: dict, thresholds: dict, condition: str) -> dict:
    """Figures of every system, and paired differences of ER to the first."""
    scores = {
        name: pooled_scores(runs, condition, thresholds[name]) for name, runs in systems.items()
    }
    figures = {name: results(s, n_bootstrap=1000) for name, s in scores.items()}
    rows = [
        [name, *er_and_f1(found)]
        + [f"{found[f'ER-{label}']:.2f} / {found[f'F1-{label}']:.1f}" for label in RARE_LABELS]
        for name, found in figures.items()
    ]
    headers = ["system", "ER [by source]", "F1 %", *RARE_LABELS]
    print_table(f"rare-mini, {condition}, thresholds across folds", rows, headers)
    first, *others = scores
    for other in others:
        difference = paired_bootstrap(scores[other], scores[first], unit="source")["ER"]
        print(f"paired difference of ER, {other} - {first}: {signed(difference, 2)} by source")
    return figures
