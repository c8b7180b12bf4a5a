"""Kiyokawa et al.'s Table 1 on weak-mini: alpha, connect and cut, ensemble, and controls."""

import json
from dataclasses import replace

import numpy as np

from audiodet.data.datasets.weak_mini import WEAK_LABELS, weak_mini_hash
from audiodet.evaluation import (
    Matching,
    SEDScores,
    load_clips,
    paired_bootstrap,
    results,
    score_clips,
)
from papers.runs import Options, Run, train_all, training_minutes
from papers.tables import cell, parameters, print_table, print_trainings, signed, verdict

# Training -> (config, seeds). What the mask is judged by has two.
TRAININGS = {
    "alpha 0.1": ("self_mask/weak_mini", (42,)),
    "alpha 0.01": ("self_mask/weak_mini_alpha001", (42, 43)),
    "no mask": ("self_mask/weak_mini_nomask", (42, 43)),
    "CRNN": ("crnn/weak_mini", (42,)),
}
CUT = ["MODEL.POSTPROCESSORS", "['ConnectAndCut']"]
# Row -> (training, with connect and cut, as an ensemble of its four best checkpoints).
ROWS = {
    "alpha 0.1": ("alpha 0.1", False, False),
    "alpha 0.01": ("alpha 0.01", False, False),
    "alpha 0.01 + connect & cut": ("alpha 0.01", True, False),
    "alpha 0.01 + ensemble": ("alpha 0.01", False, True),
    "alpha 0.01 + both": ("alpha 0.01", True, True),
    "no mask": ("no mask", False, False),
    "CRNN": ("CRNN", False, False),
}
HEADERS = [
    "system",
    "seeds",
    "F1 %",
    "F1 % of seeds",
    "PSDS 1",
    "PSDS 2",
    "parameters",
    "train min",
    "paper, F1 %",
]
# Macro event-based F1 in percent on the challenge's validation set.
PAPER = {"alpha 0.01 + both": "36.09 (full system)", "CRNN": "23.70 (challenge baseline)"}
# What is claimed to help -> (row with it, row without).
CLAIMS = {
    "connect & cut": ("alpha 0.01 + connect & cut", "alpha 0.01"),
    "ensemble": ("alpha 0.01 + ensemble", "alpha 0.01"),
    "both": ("alpha 0.01 + both", "alpha 0.01"),
    "mask": ("alpha 0.01", "no mask"),
    "alpha 0.01 instead of 0.1": ("alpha 0.01", "alpha 0.1"),
    "self-mask ResNet against CRNN": ("alpha 0.01", "CRNN"),
}
# What the trained seeds say; other seeds may differ.
VERDICTS = tuple(
    f"{word} for these seeds" for word in ("helps", "hurts", "not shown to help or to hurt")
)
MATCHING = Matching(0.2, True, 0.2)
THRESHOLDS = dict.fromkeys(WEAK_LABELS, 0.5)


def runs(options: Options) -> dict:
    """{row: its trainings, or the evaluations of their checkpoints}, one for each seed."""
    trained = {
        name: [_training(options, name, config, seed) for seed in seeds]
        for name, (config, seeds) in TRAININGS.items()
    }
    return {
        row: [_evaluation(run, cut, ensemble) for run in trained[name]]
        for row, (name, cut, ensemble) in ROWS.items()
    }


def _training(options: Options, name: str, config: str, seed: int) -> Run:
    folder = options.root / f"selfmask_{name.replace(' ', '_')}_seed{seed}"
    return Run(options.configs / f"{config}.yaml", folder, seed, ["SEED", str(seed), *options.opts])


def _evaluation(run: Run, cut: bool, ensemble: bool) -> Run:
    """The training itself where neither is wanted."""
    if not (cut or ensemble):
        return run
    opts, folder = [*run.opts, *(CUT if cut else [])], f"{run.folder.name}{'_cut' * cut}"
    if ensemble:
        opts += ["TEST.ENSEMBLE", str([str(run.folder / "model_top_*.pth")])]
        folder += "_ensemble"
    weights = str(run.folder / "model_final.pth")
    return Run(run.config, run.folder.with_name(folder), run.fold, opts, [run], weights)


def all_runs(rows: dict) -> list[Run]:
    """Every training and evaluation behind the rows, each once, trainings first."""
    found = {run.folder: run for each in rows.values() for run in each}
    return sorted(found.values(), key=lambda run: bool(run.after))


def table1(options: Options) -> dict:
    """F1 of every row with its interval, PSDS, and whether what is claimed to help does."""
    rows = runs(options)
    everything = all_runs(rows)
    train_all([run for run in everything if not run.after], options.jobs, options.cache)
    train_all([run for run in everything if run.after], options.jobs, options.cache)
    report, table, scores = {"test set": weak_mini_hash("weak_mini_test")}, [], {}
    for row, trained in rows.items():
        scores[row] = pooled(trained)
        figures = results(scores[row], n_bootstrap=1000)
        each = [results(pooled([run]))["F1"] for run in trained]
        free = [json.loads((_inference(run) / "scores.json").read_text()) for run in trained]
        origins = [run.after[0] if run.after else run for run in trained]
        report[row] = {
            "pooled": figures,
            "F1 of seeds": each,
            "scores": free,
            "minutes": [training_minutes(run) for run in origins],
            "parameters": parameters(origins[0]),
        }
        table.append(_line(row, report[row]))
    title = "ResNet with self-mask module, Table 1 on weak-mini"
    print_table(title, table, HEADERS)
    print("PSDS is of frame scores, which connect & cut leaves as they are")
    print_trainings(everything, by_clip=True)
    report["claims"] = claims(scores)
    print(f"test set: {report['test set']}")
    return report


def _line(row: str, found: dict) -> list[str]:
    psds = [f"{np.mean([s[name] for s in found['scores']]):.3f}" for name in ("PSDS1", "PSDS2")]
    f1 = cell(found["pooled"], "F1", 1)
    seeds = ", ".join(f"{x:.1f}" for x in found["F1 of seeds"])
    size, minutes = f"{found['parameters']:,}", f"{np.mean(found['minutes']):.1f}"
    return [row, str(len(found["minutes"])), f1, seeds, *psds, size, minutes, PAPER.get(row, "")]


def _inference(run: Run):
    return run.folder / "inference" / "weak_mini_test"


def pooled(trained) -> SEDScores:
    """Event-based scores of the test set, counts summed over the seeds."""
    tests = [load_clips(_inference(run) / "clips.jsonl") for run in trained]
    each = [score_clips(clips, WEAK_LABELS, THRESHOLDS, False, MATCHING) for clips in tests]
    counts = np.sum([scores.counts for scores in each], axis=0)
    return replace(each[0], counts=counts, zero_f1=True)


def claims(scores: dict) -> dict:
    """Print and return the paired difference of F1 behind each claim; {claim: (F1, low, high)}."""
    found = {}
    for claim, (row, without) in CLAIMS.items():
        found[claim] = paired_bootstrap(scores[row], scores[without])["F1"]
        word = verdict(*found[claim][1:], VERDICTS)
        print(f"{claim}: F1 {signed(found[claim], 1)}, {word}")
    return found
