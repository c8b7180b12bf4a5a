"""Trainings of a published table or a cross-validation: run what is missing, pool what is there."""
import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.engine.checkpoint import CARD, read_weights
from audiodet.engine.setup import load_config
from audiodet.errors import AudiodetError
from audiodet.evaluation import load_clips, pool_scores, score_clips, tune_thresholds
from audiodet.files import write_text

CONDITIONS = ("quiet", "hard")


@dataclass
class Run:
    """One training, or one evaluation of given weights, into one folder."""

    config: Path  # in the repository, beside whose configs stand the tools
    folder: Path
    fold: int
    opts: list = field(default_factory=list)
    after: list = field(default_factory=list)  # runs whose results this one starts from
    weights: str | None = None  # only evaluate these, which carry their thresholds

    @property
    def signature(self) -> str:
        """What the run's result depends on: settings, overrides, weights."""
        text = f"{load_config(str(self.config), self.opts)}\n{self.weights}\n"
        if self.weights:
            text += hashlib.sha1(Path(self.weights).read_bytes()).hexdigest()
        return hashlib.sha1(text.encode()).hexdigest()

    @property
    def done(self) -> bool:
        """Whether this very run has ended well before."""
        mark = self.folder / "done"
        return mark.is_file() and mark.read_text() == self.signature


def rare_mini_run(
    config: Path, name: str, fold: int, root: Path, *, test=True, opts=(), after=(), weights=None
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

    A run that was interrupted is resumed; every run logs to train.log in its folder. ``opts`` are
    overrides that change no result (cache, workers).

    Raises:
        AudiodetError: a training failed (the message names its log), or a folder holds the
            result of other settings.
    """
    for run in runs:
        if (run.folder / "done").is_file() and not run.done:
            raise AudiodetError(
                f"{run.folder}: holds the result of other settings or weights than those of "
                f"{run.config} now; move it away or choose another --output-dir"
            )
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
    tool = next(p for p in Path(run.config).parents if p.name == "configs").parent / "tools"
    command = [sys.executable, str(tool / "train_net.py"), "--config-file", str(run.config)]
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
    write_text(run.folder / "done", run.signature)


def shipped_thresholds(path: str) -> dict:
    """The thresholds inside a checkpoint, by label."""
    from detectron2.config import CfgNode

    cfg = CfgNode.load_cfg(read_weights(path)[CARD]["config"])
    return dict(zip(cfg.DATASETS.LABELS, cfg.TEST.THRESHOLDS))


def test_clips(run: Run, condition: str):
    """Every test clip of one fold's run with all its candidate events."""
    dataset = f"rare_mini_{condition}_fold{run.fold}_test"
    return load_clips(run.folder / "inference" / dataset / "clips.jsonl")


def temporal_ap50(run: Run, condition: str) -> float:
    """AP at temporal IoU 0.5 of one fold's test set, in percent; no threshold takes part."""
    key = f"rare_mini_{condition}_fold{run.fold}_test/bbox/AP50"
    steps = map(json.loads, (run.folder / "metrics.json").read_text().splitlines())
    return [step[key] for step in steps if key in step][-1]


def tune(clips) -> dict:
    """One threshold for all labels, as configs/rcrnn/rare.yaml has it tuned."""
    return tune_thresholds(clips, RARE_LABELS, True, smoothing=0.1, common=True)


def own_thresholds(runs) -> dict:
    """{fold: thresholds} from the source groups that each training held out."""
    return {
        run.fold: tune(load_clips(run.folder / "inference" / "validation.jsonl")) for run in runs
    }


def cross_fold_thresholds(runs) -> dict:
    """{fold: thresholds} tuned for each fold on the test clips of the *other* folds.

    Fold j's clips are scored by model j, which was not trained on their sources; none of fold k
    takes part in the threshold of fold k. Three folds decide where a training can spare two or
    three groups of a label; but each test clip helps to tune the other folds' thresholds, so
    these figures stand beside those of :func:`own_thresholds`, not in their place.
    """
    clips = {run.fold: [c for x in CONDITIONS for c in test_clips(run, x)] for run in runs}
    return {
        fold: tune_thresholds([c for f in clips if f != fold for c in clips[f]], RARE_LABELS, True)
        for fold in clips
    }


def pooled_scores(runs, condition: str, thresholds: dict):
    """Test results of several folds as one :class:`~audiodet.evaluation.counts.SEDScores`."""
    return pool_scores(
        [score_clips(test_clips(run, condition), RARE_LABELS, thresholds[run.fold], True)
         for run in runs]
    )  # fmt: skip


def training_minutes(run: Run) -> float:
    """Wall minutes of the training loop, without evaluation, from its metrics log."""
    lines = (run.folder / "metrics.json").read_text().splitlines()
    steps = [json.loads(line) for line in lines]
    times = [s["time"] for s in steps if "time" in s]
    iterations = max(s["iteration"] for s in steps) + 1
    return sum(times) / len(times) * iterations / 60
