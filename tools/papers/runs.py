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

from audiodet.config import get_cfg
from audiodet.data.datasets.rare_mini import FOLDS, RARE_LABELS
from audiodet.engine.setup import load_config
from audiodet.errors import AudiodetError
from audiodet.evaluation import load_clips, pool_scores, score_clips, tune_thresholds
from audiodet.files import write_text
from audiodet.weights import CARD, SHIPPED, read_weights

CONDITIONS = ("quiet", "hard")


@dataclass
class Options:
    """What the command line of tools/reproduce.py says."""

    root: Path  # folder of the trainings
    configs: Path  # the repository's configs
    jobs: int = 2
    folds: tuple = tuple(range(FOLDS))
    shipped: bool = False  # take R-CRNN's weights that ship instead of training it
    opts: tuple = ()  # overrides of every training
    cache: tuple = ()  # overrides that change no result
    detectors: tuple = ()  # of AudioMask's tables; () for all


@dataclass
class Run:
    """One training, or one evaluation of given weights, into one folder."""

    config: Path  # in the repository, beside whose configs stand the tools
    folder: Path
    fold: int
    opts: list = field(default_factory=list)
    after: list = field(default_factory=list)  # runs whose results this one starts from
    weights: str | None = None  # only evaluate these
    split: str = "test"  # of rare-mini, that is scored
    tune: bool = False  # evaluated weights: tune thresholds, instead of taking those they carry

    @property
    def signature(self) -> dict:
        """What the run's result depends on: every setting by its full name, and the weights."""
        settings = _flat(load_config(str(self.config), self.opts))
        for name, path in (("", self.weights), ("verifier ", settings["MODEL.FUSION.VERIFIER"])):
            if path and Path(path).is_file():
                settings[f"{name}sha1"] = hashlib.sha1(Path(path).read_bytes()).hexdigest()
        return settings

    @property
    def mark(self) -> Path:
        """The file that says that the run has ended well, and with which settings."""
        return self.folder / "done.json"

    @property
    def done(self) -> bool:
        """Whether this very run has ended well before.

        A setting that audiodet did not have at that time must be at its default now.
        """
        if not self.mark.is_file():
            return False
        then, now = json.loads(self.mark.read_text()), self.signature
        before = {**_flat(get_cfg()), **then}
        return all(before.get(key) == value for key, value in now.items())


def _flat(cfg, prefix: str = "") -> dict:
    """A configuration as {"SECTION.KEY": value}, with values as JSON has them."""
    flat = {}
    for key, value in cfg.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = json.loads(json.dumps(value))
    return flat


def rare_mini_run(
    config: Path, name: str, fold: int, root: Path, *, test=True, opts=(), **kwargs
) -> Run:
    """A :class:`Run` on one fold of rare-mini; both conditions are tested."""
    names = [f"rare_mini_{condition}_fold{fold}" for condition in CONDITIONS]
    datasets = ["DATASETS.TRAIN", str([f"rare_mini_fold{fold}_train"])]
    datasets += ["DATASETS.VAL", str([f"{n}_val" for n in names])]
    datasets += ["DATASETS.TEST", str([f"{n}_test" for n in names] if test else [])]
    folder = root / f"{name}_fold{fold}"
    return Run(config, folder, fold, datasets + list(opts), **kwargs)


def train_all(runs, jobs: int, opts=()) -> None:
    """Train what is not done yet, ``jobs`` at a time, each with its share of the cores.

    A run that was interrupted is resumed; every run logs to train.log in its folder. ``opts`` are
    overrides that change no result (cache, workers).

    Raises:
        AudiodetError: a training failed (the message names its log), or a folder holds the
            result of other settings.
    """
    for run in runs:
        if run.mark.is_file() and not run.done:
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
    signature = run.signature  # of what is trained now: a YAML may be edited meanwhile
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudiodetError(f"{run.folder}: cannot be written ({error.strerror})") from error
    tool = next(p for p in Path(run.config).parents if p.name == "configs").parent / "tools"
    command = [sys.executable, str(tool / "train_net.py"), "--config-file", str(run.config)]
    command += ["--eval-only" if run.weights else "--resume", *run.opts, *opts]
    command += ["OUTPUT_DIR", str(run.folder)]
    if run.weights:
        command += ["MODEL.WEIGHTS", run.weights]
    if run.weights and not run.tune:
        thresholds = list(shipped_thresholds(run.weights).values())
        command += ["TEST.TUNE_THRESHOLDS", "False", "TEST.THRESHOLDS", str(thresholds)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with open(run.folder / "train.log", "a", encoding="utf-8") as log:
        code = subprocess.run(command, stdout=log, stderr=log, env=environment).returncode
    if code:
        raise AudiodetError(f"{run.folder / 'train.log'}: the training ended with code {code}")
    write_text(run.mark, json.dumps(signature, indent=1) + "\n")


def shipped_rcrnn(fold: int) -> Path:
    """R-CRNN's weights of a fold of rare-mini."""
    return SHIPPED / f"rcrnn_rare_mini_fold{fold}.safetensors"


def shipped_thresholds(path: str) -> dict:
    """The thresholds inside a checkpoint, by label."""
    from detectron2.config import CfgNode

    cfg = CfgNode.load_cfg(read_weights(path)[CARD]["config"])
    return dict(zip(cfg.DATASETS.LABELS, cfg.TEST.THRESHOLDS))


def test_clips(run: Run, condition: str):
    """Every test clip of one fold's run with all its candidate events."""
    dataset = f"rare_mini_{condition}_fold{run.fold}_{run.split}"
    return load_clips(run.folder / "inference" / dataset / "clips.jsonl")


def temporal_ap50(run: Run, condition: str) -> float:
    """AP at temporal IoU 0.5 of one fold's test set, in percent; no threshold takes part."""
    key = f"rare_mini_{condition}_fold{run.fold}_test/bbox/AP50"
    steps = map(json.loads, (run.folder / "metrics.json").read_text().splitlines())
    return [step[key] for step in steps if key in step][-1]


def tune(clips) -> dict:
    """One threshold for all labels, as configs/rcrnn/rare.yaml has it tuned."""
    return tune_thresholds(clips, RARE_LABELS, True, smoothing=0.1, common=True)


def own_thresholds(runs, edit=list) -> dict:
    """{fold: thresholds} from the source groups that each training held out.

    ``edit`` changes clips first (a fusion's lambda).
    """
    validation = {run.fold: run.folder / "inference" / "validation.jsonl" for run in runs}
    return {fold: tune(edit(load_clips(path))) for fold, path in validation.items()}


def cross_fold_thresholds(runs, edit=list) -> dict:
    """{fold: thresholds} tuned for each fold on the test clips of the *other* folds.

    Fold j's clips are scored by model j, which was not trained on their sources; none of fold k
    takes part in the threshold of fold k. Three folds decide where a training can spare two or
    three groups of a label (:func:`own_thresholds`). Under "all" stand thresholds tuned on every
    fold's clips, for a model of all folds.
    """
    clips = {run.fold: [c for x in CONDITIONS for c in edit(test_clips(run, x))] for run in runs}
    everything = [c for own in clips.values() for c in own]
    return across_folds(clips) | {"all": tune_thresholds(everything, RARE_LABELS, True)}


def across_folds(clips: dict) -> dict:
    """{fold: thresholds} tuned on the clips of the other folds; of one fold alone there are none."""
    others = {fold: [c for f in clips if f != fold for c in clips[f]] for fold in clips}
    return {f: tune_thresholds(found, RARE_LABELS, True) for f, found in others.items() if found}


def thresholds_of(runs, edit=list) -> dict:
    """Across folds where there are several, from each training's own held-out groups for one."""
    return (cross_fold_thresholds if len(runs) > 1 else own_thresholds)(runs, edit)


def best_possible(runs) -> dict:
    """{condition: ER} at the thresholds that are best for the test clips themselves.

    No result: what is left above it is the model's, not the threshold's.
    """
    best = cross_fold_thresholds(runs)["all"]
    everywhere = {run.fold: best for run in runs}
    return {c: pooled_scores(runs, c, everywhere).mean["ER"] for c in CONDITIONS}


def pooled_scores(runs, condition: str, thresholds: dict, edit=list):
    """Test results of several folds as one :class:`~audiodet.evaluation.counts.SEDScores`."""
    return pool_scores(
        [
            score_clips(edit(test_clips(run, condition)), RARE_LABELS, thresholds[run.fold], True)
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
