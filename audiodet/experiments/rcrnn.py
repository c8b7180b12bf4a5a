"""The main result on rare-mini: R-CRNN, a frame-level control and spectral flux, all folds."""
from dataclasses import dataclass
from pathlib import Path

from detectron2.data import DatasetCatalog
from tabulate import tabulate
from tqdm import tqdm

from audiodet import model_zoo
from audiodet.data.datasets.rare_mini import FOLDS, RARE_LABELS, rare_mini_hash
from audiodet.data.mapper import SEDMapper
from audiodet.engine.setup import load_config
from audiodet.evaluation import paired_bootstrap, pool_scores, results, score_clips
from audiodet.evaluation.controls import spectral_flux_events
from audiodet.evaluation.sed import reference_clips
from audiodet.experiments.runs import (
    CONDITIONS, cross_fold_thresholds, own_thresholds, pooled_scores, rare_mini_run,
    shipped_thresholds, train_all, training_minutes, tune,
)  # fmt: skip

SYSTEMS = {"R-CRNN": ("rare", "rcrnn"), "frame-level control": ("frame_control", "frame_control")}


@dataclass
class Options:
    """What the command line of tools/reproduce.py says."""

    root: Path  # folder of the trainings
    configs: Path  # the repository's configs/rcrnn
    jobs: int = 2
    folds: tuple = tuple(range(FOLDS))
    shipped: bool = False  # score the weights that ship instead of training
    opts: tuple = ()  # overrides of every training
    cache: tuple = ()  # overrides that change no result


def rare_mini(options: Options) -> dict:
    """Train or load, score with thresholds of each training's own validation, compare."""
    systems = {
        system: [_run(options, config, name, fold) for fold in options.folds]
        for system, (config, name) in SYSTEMS.items()
        if system == "R-CRNN" or not options.shipped
    }
    train_all([run for runs in systems.values() for run in runs], options.jobs, options.cache)
    rows = {}
    for system, runs in systems.items():
        shipped = {run.fold: shipped_thresholds(run.weights) for run in runs if run.weights}
        rows[system] = runs, shipped or own_thresholds(runs)
        if len(runs) > 1:
            rows[f"{system}, thresholds across folds"] = runs, cross_fold_thresholds(runs)
    report = {
        "test sets": _test_sets(options.folds),
        "thresholds": {name: thresholds for name, (_, thresholds) in rows.items()},
        "minutes": {} if options.shipped else _minutes(systems),
    }
    flux = spectral_flux(options)
    for condition in CONDITIONS:
        report[condition] = _compare(rows, flux[condition], condition)
    print_rare_mini(report)
    return report


def _run(options: Options, config: str, name: str, fold: int):
    weights = model_zoo.WEIGHTS / f"rcrnn_rare_mini_fold{fold}.safetensors"
    return rare_mini_run(
        options.configs / f"{config}.yaml", name, fold, options.root, opts=options.opts,
        weights=str(weights) if options.shipped else None,
    )  # fmt: skip


def _compare(rows: dict, flux, condition: str) -> dict:
    """Figures of every row, and paired differences of ER to R-CRNN's."""
    scores = {
        name: pooled_scores(runs, condition, thresholds)
        for name, (runs, thresholds) in rows.items()
    }
    scores["spectral flux"] = flux
    figures = {name: results(s, n_bootstrap=1000) for name, s in scores.items()}
    for other in list(scores)[1:]:
        difference = paired_bootstrap(scores["R-CRNN"], scores[other], unit="source")["ER"]
        figures[f"R-CRNN - {other}"] = dict(zip(("ER", "low", "high"), difference))
    return figures


def _test_sets(folds) -> dict:
    return {
        name: rare_mini_hash(name)
        for condition in CONDITIONS
        for name in [f"rare_mini_{condition}_fold{fold}_test" for fold in folds]
    }


def _minutes(systems: dict) -> dict:
    return {name: [training_minutes(run) for run in runs] for name, runs in systems.items()}


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
        print(f"\nrare-mini, {condition}\n")
        print(tabulate(rows, headers, tablefmt="github", disable_numparse=True))
        for name, difference in report[condition].items():
            if " - " in name:
                print(f"paired difference of ER, {name}: {difference['ER']:+.2f} "
                      f"[{difference['low']:+.2f}, {difference['high']:+.2f}] by source")  # fmt: skip
    print("\ntest sets: " + ", ".join(f"{k} {v}" for k, v in report["test sets"].items()))
    for system, minutes in report["minutes"].items():
        print(f"{system}: training of each fold {', '.join(f'{m:.1f}' for m in minutes)} min")


def interval(figures: dict, metric: str, unit: str, digits: int = 2) -> str:
    """Bounds by clip (unit "") or by source (unit "-source") as text."""
    low, high = figures[f"{metric}{unit}-low"], figures[f"{metric}{unit}-high"]
    return f"[{low:.{digits}f}, {high:.{digits}f}]"


def spectral_flux(options: Options) -> dict:
    """Pooled scores of the spectral-flux control, thresholds tuned on validation clips."""
    cfg = load_config(str(options.configs / "rare.yaml"), [*options.opts, *options.cache])
    mapper = SEDMapper(cfg, is_train=False)
    parts = {condition: [] for condition in CONDITIONS}
    for fold in tqdm(options.folds, unit="fold", desc="spectral flux"):
        found = {
            (condition, split): _flux_clips(f"rare_mini_{condition}_fold{fold}_{split}", mapper)
            for condition in CONDITIONS
            for split in ("val", "test")
        }
        thresholds = tune([clip for c in CONDITIONS for clip in found[c, "val"]])
        for condition in CONDITIONS:
            clips = found[condition, "test"]
            parts[condition].append(score_clips(clips, RARE_LABELS, thresholds, True))
    return {condition: pool_scores(folds) for condition, folds in parts.items()}


def _flux_clips(name: str, mapper: SEDMapper):
    truth = reference_clips(name, RARE_LABELS)
    for record in DatasetCatalog.get(name):
        log_mel, hop = mapper.spectrogram(record), mapper.log_mel.seconds_per_frame
        events = spectral_flux_events(log_mel, hop, RARE_LABELS)
        truth[record["image_id"]].candidates = events
    return list(truth.values())
