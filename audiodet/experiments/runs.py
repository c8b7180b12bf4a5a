"""Trainings of a published table or a cross-validation: run what is missing, pool what is there."""
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from audiodet.engine.checkpoint import CARD, read_weights
from audiodet.errors import AudiodetError
from audiodet.evaluation import load_clips, pool_scores, score_clips, tune_thresholds

TRAIN_NET = Path(__file__).resolve().parents[2] / "tools" / "train_net.py"
CONDITIONS = ("quiet", "hard")


@dataclass
class Run:
    """One training, or one evaluation of given weights, into one folder."""

    config: str
    folder: Path
    fold: int
    opts: list = field(default_factory=list)
    after: list = field(default_factory=list)  # runs whose results this one starts from
    weights: str | None = None  # only evaluate these, which carry their thresholds

    @property
    def done(self) -> bool:
        return (self.folder / "done").is_file()


def rare_mini_run(
    config: str, name: str, fold: int, root: Path, *, test=True, opts=(), after=(), weights=None
) -> Run:
    """A :class:`Run` on one fold of rare-mini; both conditions are tested."""
    name += "_shipped" if weights else ""
    names = [f"rare_mini_{condition}_fold{fold}" for condition in CONDITIONS]
    datasets = ["DATASETS.TRAIN", str([f"rare_mini_fold{fold}_train"])]
    datasets += ["DATASETS.VAL", str([f"{n}_val" for n in names])]
    datasets += ["DATASETS.TEST", str([f"{n}_test" for n in names] if test else [])]
    folder = root / f"{name}_fold{fold}"
    return Run(config, folder, fold, datasets + list(opts), list(after), weights)


def train_all(runs, jobs: int, opts=()) -> None:
    """Train what is not done yet, ``jobs`` at a time, each with its share of the cores.

    A run that was interrupted is resumed; every run logs to train.log in its folder.

    Raises:
        AudiodetError: a training failed; the message names its log.
    """
    waiting = [run for run in runs if not run.done]
    order = [run for run in waiting if not run.after] + [run for run in waiting if run.after]
    threads = max(1, (os.cpu_count() or 1) // jobs)
    futures = {}
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(order), unit="training") as bar:
        for run in order:
            needed = [futures[id(other)] for other in run.after if id(other) in futures]
            futures[id(run)] = pool.submit(_train, run, threads, opts, needed)
            futures[id(run)].add_done_callback(lambda _: bar.update())
    for future in futures.values():
        future.result()


def _train(run: Run, threads: int, opts, needed) -> None:
    for future in needed:
        future.result()
    run.folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(TRAIN_NET), "--config-file", run.config]
    command += ["--eval-only" if run.weights else "--resume", *run.opts, *opts]
    command += ["OUTPUT_DIR", str(run.folder)]
    if run.weights:
        thresholds = list(shipped_thresholds(run.weights).values())
        command += ["MODEL.WEIGHTS", run.weights, "TEST.TUNE_THRESHOLDS", "False"]
        command += ["TEST.THRESHOLDS", str(thresholds)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with open(run.folder / "train.log", "a", encoding="utf-8") as log:
        code = subprocess.run(command, stdout=log, stderr=log, env=environment).returncode
    if code:
        raise AudiodetError(f"{run.folder / 'train.log'}: the training ended with code {code}")
    (run.folder / "done").touch()


def shipped_thresholds(path: str) -> dict:
    """The thresholds inside a checkpoint, by label."""
    from detectron2.config import CfgNode

    cfg = CfgNode.load_cfg(read_weights(path)[CARD]["config"])
    return dict(zip(cfg.DATASETS.LABELS, cfg.TEST.THRESHOLDS))


def test_clips(run: Run, condition: str):
    """Every test clip of one fold's run with all its candidate events."""
    dataset = f"rare_mini_{condition}_fold{run.fold}_test"
    return load_clips(run.folder / "inference" / dataset / "clips.jsonl")


def validation_thresholds(runs) -> dict:
    """{fold: thresholds} as each run tuned them on the source groups that it held out."""
    return {run.fold: json.loads((run.folder / "thresholds.json").read_text()) for run in runs}


def cross_fold_thresholds(runs, labels) -> dict:
    """{fold: thresholds} tuned for each fold on what the models of the *other* folds never heard.

    The threshold of fold k comes from the test clips of every other fold j, scored by model j:
    sources held out of that model's training, and none of fold k. Two or three groups that one
    training can spare decide a threshold by luck; three folds do not.
    """
    heard = {run.fold: [c for x in CONDITIONS for c in test_clips(run, x)] for run in runs}
    return {
        fold: tune_thresholds([c for f in heard if f != fold for c in heard[f]], labels, True)
        for fold in heard
    }


def pooled_scores(runs, condition: str, thresholds: dict, labels):
    """Test results of several folds as one :class:`~audiodet.evaluation.counts.SEDScores`."""
    return pool_scores(
        [score_clips(test_clips(run, condition), labels, thresholds[run.fold], True) for run in runs]
    )


def training_minutes(run: Run) -> float:
    """Wall minutes of the training loop, without evaluation, from its metrics log."""
    lines = (run.folder / "metrics.json").read_text().splitlines()
    steps = [json.loads(line) for line in lines]
    times = [s["time"] for s in steps if "time" in s]
    iterations = max(s["iteration"] for s in steps) + 1
    return sum(times) / len(times) * iterations / 60
