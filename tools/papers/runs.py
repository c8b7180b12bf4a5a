"""The trainings of a published table: what each is, and running those that are missing."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from detectron2.config import CfgNode
from tqdm import tqdm

from audiodet.config import get_cfg
from audiodet.config.node import as_arguments, value_of
from audiodet.engine.setup import load_config
from audiodet.errors import AudiodetError
from audiodet.files import write_text
from audiodet.weights import CARD, read_weights

RULES = {  # with a value for each label, see TEST.TUNE_RULES
    "TEST": ("THRESHOLDS",),
    "MODEL.TAGGER": ("LOW_THRESHOLDS", "MEDIANS", "JOIN_GAPS", "DROP_LENGTHS"),
    "MODEL.TFSEG": ("GATES",),
}
TRAIN_NET = Path(__file__).resolve().parents[1] / "train_net.py"


@dataclass(frozen=True)
class Options:
    """What the command line of tools/reproduce.py says."""

    root: Path  # folder of the trainings
    configs: Path  # the repository's configs
    jobs: int = 2
    folds: tuple[int, ...] = ()  # () for those that the table names
    shipped: bool = False  # take R-CRNN's weights that ship instead of training it
    opts: dict = field(default_factory=dict)  # overrides of every training
    cache: dict = field(default_factory=dict)  # overrides that change no result
    detectors: tuple[str, ...] = ()  # of AudioMask's tables; () for all

    def config(self, name: str) -> CfgNode:
        """One of ``configs`` with the overrides, such as "rcrnn/rare"."""
        opts = as_arguments({**self.opts, **self.cache})
        return load_config(str(self.configs / f"{name}.yaml"), opts)


@dataclass
class Run:
    """One training, or one evaluation of given weights, into one folder."""

    config: Path
    folder: Path
    opts: dict = field(default_factory=dict)  # {full name of a setting: its value}
    fold: int | None = None
    seed: int | None = None
    after: list["Run"] = field(default_factory=list)  # runs whose results this one starts from
    weights: str | None = None  # only evaluate these
    tune: bool = False  # evaluated weights: tune thresholds, instead of taking those they carry

    @property
    def cfg(self) -> CfgNode:
        """The run's whole configuration."""
        return load_config(str(self.config), as_arguments(self.opts))

    @property
    def signature(self) -> dict:
        """What the run's result depends on: every setting by its full name, and the weights."""
        settings = flat(self.cfg)
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
        before = {**flat(get_cfg()), **json.loads(self.mark.read_text())}
        return all(before.get(key) == value for key, value in self.signature.items())

    @property
    def log(self) -> list[dict]:
        """What the training logged, {"iteration": number, ...} each time."""
        lines = (self.folder / "metrics.json").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def results(self, dataset: str) -> Path:
        """Folder of the evaluators' files of one dataset."""
        return self.folder / "inference" / dataset


def flat(cfg, prefix: str = "") -> dict:
    """A configuration as {"SECTION.KEY": value}, with values as JSON has them."""
    found = {}
    for key, value in cfg.items():
        if isinstance(value, dict):
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[prefix + key] = json.loads(json.dumps(value))
    return found


def with_needed(runs: Iterable[Run]) -> list[Run]:
    """The runs and all that they start from, each once, what is needed first."""
    ordered = {}
    for run in runs:
        for other in [*with_needed(run.after), run]:
            ordered.setdefault(other.folder, other)
    return list(ordered.values())


def train_all(runs: Iterable[Run], jobs: int = 1, cache: dict | None = None) -> None:
    """Train what is not done yet, and what it starts from, ``jobs`` at a time.

    A run that was interrupted is resumed; every run logs to train.log in its folder. ``cache`` are
    overrides that change no result.
    """
    waiting = with_needed(runs)
    while waiting:
        folders = {run.folder for run in waiting}
        # A run is looked at only when the weights it starts from are there: they are part of it.
        stage = [run for run in waiting if not any(x.folder in folders for x in run.after)]
        waiting = [run for run in waiting if run not in stage]
        _train_stage(stage, jobs, cache or {})


def _train_stage(runs: list[Run], jobs: int, cache: dict) -> None:
    missing = [run for run in runs if not run.done]
    for run in missing:
        if run.mark.is_file():
            raise AudiodetError(
                f"{run.folder}: holds the result of other settings or weights than those of "
                f"{run.config} now; move it away or choose another --output-dir"
            )
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with ThreadPoolExecutor(jobs) as pool:
        ended = pool.map(lambda run: _train(run, threads, cache), missing)
        list(tqdm(ended, total=len(missing), unit="training", disable=not missing))


def _train(run: Run, threads: int, cache: dict) -> None:
    signature = run.signature  # of what is trained now: a YAML may be edited meanwhile
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudiodetError(f"{run.folder}: cannot be written ({error.strerror})") from error
    opts = {**run.opts, **cache, "OUTPUT_DIR": run.folder}
    if run.weights:
        opts["MODEL.WEIGHTS"] = run.weights
    if run.weights and not run.tune:
        opts.update(carried_rules(run.weights))
    mode = "--eval-only" if run.weights else "--resume"
    command = [sys.executable, str(TRAIN_NET), "--config-file", str(run.config), mode]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with open(run.folder / "train.log", "a", encoding="utf-8") as log:
        ended = subprocess.run(
            command + as_arguments(opts), stdout=log, stderr=log, env=environment
        )
    if ended.returncode:
        raise AudiodetError(
            f"{run.folder / 'train.log'}: the training ended with code {ended.returncode}"
        )
    write_text(run.mark, json.dumps(signature, indent=1) + "\n")


def carried_thresholds(path: str) -> dict[str, float]:
    """The thresholds inside a checkpoint, by label."""
    cfg = CfgNode.load_cfg(read_weights(path)[CARD]["config"])
    return dict(zip(cfg.DATASETS.LABELS, cfg.TEST.THRESHOLDS))


def carried_rules(path: str) -> dict:
    """What a checkpoint says of how its scores become events: settings of an evaluation."""
    cfg = CfgNode.load_cfg(read_weights(path)[CARD]["config"])
    rules = {"TEST.TUNE_THRESHOLDS": False}
    for section, keys in RULES.items():
        for key in keys:
            values = value_of(cfg, f"{section}.{key}")
            if values:
                rules[f"{section}.{key}"] = list(values)
    return rules


def training_minutes(run: Run) -> float:
    """Wall minutes of the training loop, without evaluation, from its metrics log."""
    steps = run.log
    times = [step["time"] for step in steps if "time" in step]
    iterations = max(step["iteration"] for step in steps) + 1
    return sum(times) / len(times) * iterations / 60
