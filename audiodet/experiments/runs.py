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
from audiodet.evaluation import load_clips, pool_scores, score_clips

TRAIN_NET = Path(__file__).resolve().parents[2] / "tools" / "train_net.py"
CONDITIONS = ("quiet", "hard")


@dataclass
class Run:
    """One training, or one evaluation of given weights, into one folder."""

    config: str
    folder: Path
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
    return Run(config, folder, datasets + list(opts), list(after), weights)


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
        test = shipped_config(run.weights).TEST
        command += ["MODEL.WEIGHTS", run.weights, "TEST.TUNE_THRESHOLDS", "False"]
        command += ["TEST.THRESHOLDS", str(list(test.THRESHOLDS))]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with open(run.folder / "train.log", "a", encoding="utf-8") as log:
        code = subprocess.run(command, stdout=log, stderr=log, env=environment).returncode
    if code:
        raise AudiodetError(f"{run.folder / 'train.log'}: the training ended with code {code}")
    (run.folder / "done").touch()


def shipped_config(path: str):
    """The configuration inside a checkpoint."""
    from detectron2.config import CfgNode

    return CfgNode.load_cfg(read_weights(path)[CARD]["config"])


def fold_scores(folder: Path, dataset: str, best_event_per_clip: bool = True):
    """Scores of one evaluated dataset of a run, with the thresholds it was decided with."""
    inference = Path(folder) / "inference" / dataset
    summary = json.loads((inference / "metrics.json").read_text())
    clips = load_clips(inference / "clips.jsonl")
    return score_clips(clips, summary["labels"], summary["thresholds"], best_event_per_clip)


def pooled_scores(runs, condition: str):
    """Test results of several folds as one :class:`~audiodet.evaluation.counts.SEDScores`."""
    return pool_scores(
        [
            fold_scores(run.folder, f"rare_mini_{condition}_fold{run.folder.name[-1]}_test")
            for run in runs
        ]
    )


def training_minutes(run: Run) -> float:
    """Wall minutes of the training loop, without evaluation, from its metrics log."""
    lines = (run.folder / "metrics.json").read_text().splitlines()
    steps = [json.loads(line) for line in lines]
    times = [s["time"] for s in steps if "time" in s]
    iterations = max(s["iteration"] for s in steps) + 1
    return sum(times) / len(times) * iterations / 60
