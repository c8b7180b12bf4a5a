"""Kong et al.'s Tables II, V, VI and IX on remix-mini: tags, frames, events, masks at 3 levels."""

import math
import re
from dataclasses import replace

import numpy as np

from audiodet.data.datasets.remix_mini import RATIOS, remix_mini_hash
from audiodet.engine.setup import load_config
from audiodet.evaluation import load_clips, paired_bootstrap, pool_scores, score_clips
from audiodet.evaluation.counts import Matching
from papers.runs import Options, Run, train_all, training_minutes
from papers.tables import cell, print_table, print_trainings, signed, stored, verdict

# Row -> config. The first three have no masks.
SYSTEMS = {
    "frame-wise CNN, max": "remix_mini_frames_max",
    "frame-wise CNN, mean": "remix_mini_frames_mean",
    "attention": "remix_mini_attention",
    "GMP": "remix_mini_gmp",
    "GAP": "remix_mini_gap",
    "GWRP": "remix_mini",
}
MASKED = ("GMP", "GAP", "GWRP")
# Figures of a table, with their decimals.
FIGURES = {"F1": 1, "AUC": 1, "mAP": 1}
ERRORS = {"F1": 1, "ER": 2, "deletions": 2, "insertions": 2}
# F1 in percent at 0 dB (abstract of the paper). FC-DNN is its baseline, which is not built here.
PAPER = {
    "GWRP": {"tagging": 53.4, "frames": 39.8, "sed": 16.7, "masks": 21.8},
    "FC-DNN": {"tagging": 33.1, "frames": 23.7, "sed": 12.0},
}
# What is claimed of F1 -> ((system, ratio in dB) said to be better, the other): GWRP is best and
# GMP worst at every level, and GWRP falls with the level.
CLAIMS = {
    f"{a} > {b}, {ratio} dB": ((a, ratio), (b, ratio))
    for ratio in RATIOS
    for a, b in (("GWRP", "GAP"), ("GAP", "GMP"), ("GWRP", "GMP"))
} | {
    f"GWRP, {loud} dB > {soft} dB": (("GWRP", loud), ("GWRP", soft))
    for loud, soft in zip(RATIOS, RATIOS[1:])
}


def runs(options: Options, systems=tuple(SYSTEMS)) -> dict:
    """{(system, ratio in dB): trainings}, one for each fold."""
    return {
        (name, ratio): [_run(options, name, ratio, fold) for fold in options.folds]
        for ratio in RATIOS
        for name in systems
    }


def _run(options: Options, name: str, ratio: int, fold: int) -> Run:
    config = SYSTEMS[name]
    train, test = (str([f"remix_mini_{ratio}db_fold{fold}_{split}"]) for split in ("train", "test"))
    opts = ["DATASETS.TRAIN", train, "DATASETS.TEST", test]
    folder = options.root / f"tfseg_{config.removeprefix('remix_')}_{ratio}db_fold{fold}"
    path = options.configs / "tfseg" / f"{config}.yaml"
    return Run(path, folder, fold, [*opts, *options.opts])


def table2(options: Options) -> dict:
    """Audio tagging."""
    return _table(options, "II: audio tagging", "tagging", "tagging", FIGURES)


def table5(options: Options) -> dict:
    """Frame-wise detection, and what its intervals say of CLAIMS."""
    report = _table(options, "V: frame-wise detection", "frames", "frames", FIGURES)
    report["claims"] = _unpaired_claims(report)
    return report


def table6(options: Options) -> dict:
    """Event-wise detection, and what the clips say of CLAIMS."""
    report = _table(options, "VI: event-wise detection", "metrics", "sed", ERRORS)
    report["claims"] = _paired_claims(options)
    return report


def table9(options: Options) -> dict:
    """Time-frequency segmentation, against the binary mask and against the ratio mask."""
    title = "IX: time-frequency segmentation"
    report = _table(options, f"{title}, binary mask", "masks", "masks", FIGURES, MASKED)
    ratio = _table(options, f"{title}, ratio mask", "masks", "masks_ratio", FIGURES, MASKED)
    return {"binary": report, "ratio": ratio}


def _table(options, title, file, task, metrics, systems=tuple(SYSTEMS)) -> dict:
    """Train what is missing, print and return {"<system>, <ratio> dB": figures}."""
    trained = runs(options, systems)
    train_all([run for group in trained.values() for run in group], options.jobs, options.cache)
    report, rows = {}, []
    for (name, ratio), group in trained.items():
        found = over_folds([stored(run, test_set(run), file, task) for run in group], metrics)
        report[f"{name}, {ratio} dB"] = found
        cells = [cell(found, metric, digits) for metric, digits in metrics.items()]
        minutes = np.mean([training_minutes(run) for run in group])
        rows.append([f"{ratio} dB", name, *cells, f"{minutes:.1f}", _paper(name, ratio, task)])
    if task in PAPER["FC-DNN"]:
        empty = [""] * (len(metrics) + 1)
        rows.append(["0 dB", "FC-DNN (the paper's alone)", *empty, _paper("FC-DNN", 0, task)])
    headers = ["level", "system", *metrics, "train min", "paper, F1 %"]
    folds = ", ".join(map(str, options.folds))
    title = f"T-F segmentation, Table {title}, on remix-mini, fold {folds} (one seed)"
    print_table(title, rows, headers)
    print_trainings([run for group in trained.values() for run in group], by_clip=True)
    hashes = [remix_mini_hash(test_set(run)) for run in trained["GWRP", 0]]
    print(f"test sets at 0 dB: {', '.join(hashes)}")
    return report


def _paper(name: str, ratio: int, task: str) -> str:
    figure = PAPER.get(name, {}).get(task) if ratio == 0 else None
    return f"{figure:.1f}" if figure else ""


def test_set(run: Run) -> str:
    """Name of the dataset that a training is scored on."""
    return run.opts[run.opts.index("DATASETS.TEST") + 1].strip("[]'")


def over_folds(folds: list[dict], metrics) -> dict:
    """Mean of the folds' figures; their 95 % intervals as of independent folds.

    The folds' distances from figure to bound are added in squares, and divided by their number.
    Folds without a figure (None) are left out; NaN where none has it, or a bound is missing.
    """
    found = {}
    for name in metrics:
        known = [fold for fold in folds if fold.get(name) is not None]
        found[name] = float(np.mean([fold[name] for fold in known])) if known else math.nan
        for end, sign in (("low", -1), ("high", 1)):
            bounds = [fold.get(f"{name}-{end}") for fold in known]
            found[f"{name}-{end}"] = math.nan
            if known and None not in bounds:
                far = math.hypot(*(bound - fold[name] for bound, fold in zip(bounds, known)))
                found[f"{name}-{end}"] = found[name] + sign * far / len(known)
    return found


def _unpaired_claims(report: dict) -> dict:
    """Print and return {claim: {"F1": difference, "verdict": word}} from the table's figures alone.

    The counts of each clip are not stored, so a verdict needs intervals that do not overlap.
    """
    found = {}
    print("Claims, point estimates: a verdict where the two intervals do not overlap")
    for claim, keys in CLAIMS.items():
        a, b = (report[f"{name}, {ratio} dB"] for name, ratio in keys)
        word = verdict(a["F1-low"] - b["F1-high"], a["F1-high"] - b["F1-low"])
        found[claim] = {"F1": a["F1"] - b["F1"], "verdict": word}
        print(f"{claim}: F1 {a['F1']:.1f} and {b['F1']:.1f}, {found[claim]['F1']:+.1f}: {word}")
    return found


def _paired_claims(options: Options) -> dict:
    """Print and return {claim: {"F1": (difference, low, high), "verdict": word}}.

    Clips are resampled in pairs: those of two levels differ in the level of their events only.
    """
    scores = {key: _pooled(options, *key) for key in {x for keys in CLAIMS.values() for x in keys}}
    found = {}
    print("Claims, differences paired by clip")
    for claim, (a, b) in CLAIMS.items():
        gain = paired_bootstrap(scores[a], scores[b])["F1"]
        found[claim] = {"F1": gain, "verdict": verdict(*gain[1:])}
        print(f"{claim}: F1 {signed(gain, 1)}: {found[claim]['verdict']}")
    return found


def _pooled(options: Options, name: str, ratio: int):
    """Event-based scores of all folds, of clips whose names say nothing of the level."""
    parts = []
    for run in runs(options, (name,))[name, ratio]:
        cfg = load_config(str(run.config), run.opts)
        thresholds = dict.fromkeys(cfg.DATASETS.LABELS, cfg.TEST.THRESHOLDS[0])
        clips = load_clips(run.folder / "inference" / cfg.DATASETS.TEST[0] / "clips.jsonl")
        clips = [replace(clip, name=re.sub(r"_\d+db_", "_", clip.name)) for clip in clips]
        matching = Matching.from_config(cfg)
        parts.append(score_clips(clips, cfg.DATASETS.LABELS, thresholds, False, matching))
    return pool_scores(parts)
