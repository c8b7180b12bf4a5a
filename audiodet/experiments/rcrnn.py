"""R-CRNN on rare-mini: the main result and the paper's Tables 1 to 3."""
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from detectron2.data import DatasetCatalog
from tabulate import tabulate
from tqdm import tqdm

from audiodet import model_zoo
from audiodet.data.datasets.rare_mini import FOLDS, RARE_LABELS, rare_mini_hash
from audiodet.data.mapper import SEDMapper
from audiodet.engine.setup import load_config
from audiodet.evaluation import paired_bootstrap, pool_scores, results, score_clips, tune_thresholds
from audiodet.evaluation.controls import spectral_flux_events
from audiodet.evaluation.sed import reference_clips
from audiodet.experiments.runs import (
    CONDITIONS, cross_fold_thresholds, pooled_scores, rare_mini_run, shipped_thresholds,
    train_all, training_minutes, validation_thresholds,
)  # fmt: skip
from audiodet.modeling import keras_count

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "rcrnn"
# Event-based ER of the paper, averaged over the three classes, development set.
PAPER_TABLE1 = {"none": 0.217, "gru": 0.213, "bigru": 0.123}
PAPER_TABLE2 = {(50, 128): 1_110_874, (50, 256): 1_250_394, (100, 256): 1_782_094}
PAPER_TABLE3 = {"scratch": 0.257, "frozen": 0.23, "fine-tuned": 0.09}


@dataclass
class Options:
    """What the command line of tools/reproduce.py says."""

    root: Path  # folder of the trainings
    jobs: int = 2
    folds: tuple = tuple(range(FOLDS))
    shipped: bool = False  # score the weights that ship instead of training
    opts: tuple = ()


def rare_mini(options: Options) -> dict:
    """The main result: R-CRNN, a frame-level control and spectral flux, all folds pooled."""
    config = {"R-CRNN": "rare.yaml", "frame-level control": "frame_control.yaml"}
    names = {"R-CRNN": "rcrnn", "frame-level control": "frame_control"}
    systems = {
        system: [
            rare_mini_run(str(CONFIGS / file), names[system], fold, options.root,
                          weights=_shipped(fold) if options.shipped else None)
            for fold in options.folds
        ]
        for system, file in config.items()
        if not (options.shipped and system != "R-CRNN")
    }  # fmt: skip
    train_all([run for runs in systems.values() for run in runs], options.jobs, options.opts)
    report = {"test sets": _test_sets(options.folds), "minutes": _minutes(systems, options)}
    rows = {name: (runs, _thresholds(runs, options)) for name, runs in systems.items()}
    if not options.shipped:
        runs = systems["R-CRNN"]
        rows["R-CRNN, thresholds of its own validation"] = runs, validation_thresholds(runs)
    report["thresholds"] = {name: thresholds for name, (_, thresholds) in rows.items()}
    flux = spectral_flux(options)
    for condition in CONDITIONS:
        scores = {
            name: pooled_scores(runs, condition, thresholds, RARE_LABELS)
            for name, (runs, thresholds) in rows.items()
        }
        scores["spectral flux"] = flux[condition]
        report[condition] = {name: results(s, n_bootstrap=1000) for name, s in scores.items()}
        for other in list(scores)[1:]:
            difference = paired_bootstrap(scores["R-CRNN"], scores[other], unit="source")["ER"]
            report[condition][f"R-CRNN - {other}"] = dict(zip(("ER", "low", "high"), difference))
    print_rare_mini(report)
    return report


def _thresholds(runs, options: Options) -> dict:
    """Thresholds of each fold: those inside shipped weights, else from the other folds."""
    if options.shipped:
        return {run.fold: shipped_thresholds(run.weights) for run in runs}
    if len(runs) == 1:
        return validation_thresholds(runs)
    return cross_fold_thresholds(runs, RARE_LABELS)


def _shipped(fold: int) -> str:
    return str(model_zoo.WEIGHTS / f"rcrnn_rare_mini_fold{fold}.safetensors")


def _test_sets(folds) -> dict:
    return {
        name: rare_mini_hash(name)
        for condition in CONDITIONS
        for name in [f"rare_mini_{condition}_fold{fold}_test" for fold in folds]
    }


def _minutes(systems, options) -> dict:
    if options.shipped:
        return {}
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
            row += [_interval(figures, "ER", unit) for unit in ("", "-source")]
            row += [_interval(figures, "F1", unit, 1) for unit in ("", "-source")]
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


def _interval(figures: dict, metric: str, unit: str, digits: int = 2) -> str:
    low, high = figures[f"{metric}{unit}-low"], figures[f"{metric}{unit}-high"]
    return f"[{low:.{digits}f}, {high:.{digits}f}]"


def spectral_flux(options: Options) -> dict:
    """Pooled scores of the spectral-flux control, thresholds tuned on validation clips."""
    cfg = load_config(str(CONFIGS / "rare.yaml"), list(options.opts))
    mapper = SEDMapper(cfg, is_train=False)
    parts = {condition: [] for condition in CONDITIONS}
    for fold in tqdm(options.folds, unit="fold", desc="spectral flux"):
        found = {
            (condition, split): _flux_clips(f"rare_mini_{condition}_fold{fold}_{split}", mapper)
            for condition in CONDITIONS
            for split in ("val", "test")
        }
        validation = [clip for c in CONDITIONS for clip in found[c, "val"]]
        thresholds = tune_thresholds(validation, RARE_LABELS, True)
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


def _fold0_table(title, key, rows, paper) -> dict:
    """Print and return ER and F1 of single-fold runs beside the paper's ER."""
    report, table = {}, []
    for name, run in rows.items():
        line = [name]
        for condition in CONDITIONS:
            thresholds = validation_thresholds([run])
            scores = pooled_scores([run], condition, thresholds, RARE_LABELS)
            figures = results(scores, n_bootstrap=1000)
            report.setdefault(name, {})[condition] = figures
            line.append(f"{figures['ER']:.2f} {_interval(figures, 'ER', '-source')}")
            line.append(f"{figures['F1']:.1f}")
        report[name]["minutes"] = training_minutes(run)
        table.append([*line, f"{report[name]['minutes']:.1f}", f"{paper[name]:.3f}"])
    headers = [key, "quiet ER [by source]", "F1 %", "hard ER [by source]", "F1 %", "train min"]
    print(f"\n{title}\n")
    print(tabulate(table, [*headers, "paper, ER"], tablefmt="github", disable_numparse=True))
    return report


def table1(options: Options) -> dict:
    """Feature extractors: CNN alone, GRU in one direction, in both."""
    files = {"none": "table1_none", "gru": "table1_gru", "bigru": "rare"}
    names = {"none": "table1_none", "gru": "table1_gru", "bigru": "rcrnn"}
    rows = {
        key: rare_mini_run(str(CONFIGS / f"{file}.yaml"), names[key], 0, options.root)
        for key, file in files.items()
    }
    train_all(list(rows.values()), options.jobs, options.opts)
    title = "R-CRNN, Table 1 on rare-mini fold 0 (one seed): recurrent layer"
    return _fold0_table(title, "recurrent layer", rows, PAPER_TABLE1)


def table2(options: Options) -> dict:
    """The grid of recurrent units U and hidden units M: parameter counts and speed."""
    report, table = {}, []
    for units in (50, 100):
        for hidden in (64, 128, 256, 512):
            opts = ["MODEL.CRNN.UNITS", units, "MODEL.ROI_BOX_HEAD.FC_DIM", hidden]
            count, seconds = _count_and_speed(opts)
            paper = PAPER_TABLE2.get((units, hidden))
            report[f"U={units} M={hidden}"] = {"parameters": count, "seconds": seconds}
            shown = f"{paper:,}" if paper else ""
            table.append([units, hidden, f"{count:,}", shown, f"{1000 * seconds:.0f}"])
    headers = ["U", "M", "parameters", "paper", "ms a 30-s clip"]
    print("\nR-CRNN, Table 2: one class, parameters by the Keras rule, network time a clip\n")
    print(tabulate(table, headers, tablefmt="github", disable_numparse=True))
    return report


def _count_and_speed(opts, repeats: int = 7):
    from detectron2.modeling import build_model

    cfg = load_config(str(CONFIGS / "babycry.yaml"), [*map(str, opts)])
    model = build_model(cfg).eval()
    clip = {"image": torch.randn(1, cfg.INPUT.SPECTROGRAM.N_MELS, 1305)}
    times = []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            start = time.perf_counter()
            model([clip])
            times.append(time.perf_counter() - start)
    return keras_count(model), statistics.median(times[1:])


def table3(options: Options) -> dict:
    """Pre-training: none, a fixed pre-trained CRNN, a fine-tuned one."""
    pretrained = rare_mini_run(
        str(CONFIGS / "pretrain.yaml"), "pretrain", 0, options.root, test=False
    )
    start = ["MODEL.BACKBONE.INIT_WEIGHTS", str(pretrained.folder / "model_final.pth")]
    rows = {"scratch": rare_mini_run(str(CONFIGS / "rare.yaml"), "rcrnn", 0, options.root)}
    for key, name in (("frozen", "table3_frozen"), ("fine-tuned", "table3_finetuned")):
        rows[key] = rare_mini_run(
            str(CONFIGS / f"{name}.yaml"), name, 0, options.root, opts=start, after=[pretrained]
        )
    train_all([pretrained, *rows.values()], options.jobs, options.opts)
    title = "R-CRNN, Table 3 on rare-mini fold 0 (one seed): clip-level pre-training"
    report = _fold0_table(title, "CRNN", rows, PAPER_TABLE3)
    print(f"pre-training itself: {training_minutes(pretrained):.1f} min")
    return report


TABLES = {
    "rare-mini": rare_mini,
    "rcrnn-table1": table1,
    "rcrnn-table2": table2,
    "rcrnn-table3": table3,
}


def save_report(report: dict, path: Path) -> None:
    """Write a report as JSON, whole or not at all."""
    from audiodet.files import write_text

    write_text(path, json.dumps(report, indent=1, default=float) + "\n")
