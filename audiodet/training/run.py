"""``audiodet train``: labelled recordings -> a folder that detects.

The folder of a detector:

- ``model.safetensors``: weights, configuration, labels and thresholds, all that detecting needs;
- ``config.yaml``, ``thresholds.json``, ``labels.txt``: the same to be read;
- ``data/train.tsv``, ``val.tsv``, ``test.tsv``: which recordings and events were which;
- ``test/``: what was found in the test recordings, and the scores;
- ``README.txt``: what it is, its figures, the line that detects;
- ``training/``: log, losses and the plan; checkpoints and kept features only until it has ended.
"""

import json
import os
import shutil
from pathlib import Path

from detectron2.utils.env import seed_all_rng

from audiodet.config import get_cfg
from audiodet.config.loading import load_config, merge
from audiodet.data.labels.writing import write_table
from audiodet.engine.trainer import Trainer
from audiodet.errors import AudiodetError, DataError
from audiodet.evaluation.goals import Goal
from audiodet.files import write_text
from audiodet.inference.detector import Detector
from audiodet.training.configure import Configurator, register
from audiodet.training.finish import finish
from audiodet.training.options import Options
from audiodet.training.pieces import PIECES, in_pieces
from audiodet.training.progress import Progress, logging_to, say
from audiodet.training.recipe import choose_recipe
from audiodet.training.splits import read_splits
from audiodet.training.survey import survey
from audiodet.weights import MODEL_FILE

PLAN = "audiodet_train.json"  # what was found and chosen; empty until that is known


def train(
    audio: str | os.PathLike, labels: str | os.PathLike, output: str | os.PathLike, **options
) -> Detector:
    """Train a detector on labelled recordings.

    Args:
        audio: folder of the recordings, which are only read.
        labels: a label file of any format that is read, or a folder of them; train.tsv, val.tsv
            and test.tsv in it are taken as the splits.
        output: folder of the detector.
        options: see :class:`~audiodet.training.options.Options`.

    Returns:
        the detector, which ``Detector.from_pretrained(output)`` and ``--model output`` give again.

    Raises:
        AudiodetError: labels, recordings, keys or the folder cannot be used.
    """
    run = TrainingRun(os.fspath(audio), os.fspath(labels), output, Options(**options))
    return run.to_end()


class TrainingRun:
    """One training, from the survey to the finished folder."""

    def __init__(self, audio: str, labels: str, output: str | os.PathLike, options: Options):
        """
        Raises:
            AudiodetError: no such folder, labels or keys, or ``output`` holds a finished detector.
        """
        merge(get_cfg(), options.config, list(options.settings))  # a misspelt key is said first
        output = Path(output)
        for path, what in ((audio, "a folder of recordings"), (labels, "labels")):
            if not os.path.exists(path):
                raise DataError(f"{path}: no such file or folder, expected {what}")
        if ":" in str(output.absolute()):
            raise DataError(f"{output}: a path with a colon, expected one without for -o")
        if (output / MODEL_FILE).exists():
            raise AudiodetError(
                f"{output}: holds a finished detector already, expected a new folder for -o"
            )
        self.audio, self.labels, self.output, self.options = audio, labels, output, options
        self.work = output / "training"
        self.say = (lambda text: None) if options.quiet else say

    def to_end(self) -> Detector:
        """Train or continue, tune, score, write."""
        going_on = self._begin()
        with logging_to(self.work / "log.txt", self.options.verbose):
            cfg, plan = self._planned() if going_on else self._plan()
            self.bad = plan["bad"]
            seed_all_rng(max(cfg.SEED, 0))
            model = self._train(cfg)
            goal = Goal(false_alarms_per_hour=self.options.false_alarms_per_hour)
            return finish(model, cfg, plan, self.output, goal, self.say)

    # -- before -------------------------------------------------------------------------------

    def _begin(self) -> bool:
        """Make room for the training; whether one that was stopped is continued."""
        plan = self.work / PLAN
        if self.work.exists() and not plan.is_file():
            raise AudiodetError(
                f"{self.work}: not of audiodet train, expected another folder for -o"
            )
        if self.options.resume and plan.is_file() and plan.stat().st_size:
            return True
        shutil.rmtree(self.work, ignore_errors=True)
        write_text(plan, "")  # marks the folder as ours
        return False

    def _plan(self):
        """Look at the data, choose, measure, say -> configuration and plan."""
        tables = read_splits(self.audio, self.labels)
        for note in dict.fromkeys(note for table in tables.values() for note in table.notes):
            self.say(note)
        facts, tables = survey(tables)
        for line in facts.lines():
            self.say(line)
        for name, reason in facts.bad.items():
            self.say(f"not used: {name}: {reason}")
        for split, table in tables.items():
            write_table(self.output / "data" / f"{split}.tsv", table)
            if split != "test" or facts.kind == "weak":
                table = in_pieces(table, self.work / PIECES)
                write_table(self._table(split), table)
        recipe = choose_recipe(facts)
        paths = {split: self._table(split) for split in tables if self._table(split).exists()}
        cfg = Configurator(self.work, paths, facts, self.options, self.say).choose(recipe)
        plan = {
            "recipe": self.options.config or recipe.name,
            "reasons": [] if self.options.config else recipe.reasons,
            "kind": facts.kind,
            "splits": list(tables),
            "survey": facts.lines(),
            "bad": facts.bad,
            "audio": os.path.abspath(self.audio),
            "labels": os.path.abspath(self.labels),
        }
        write_text(self.work / "config.yaml", cfg.dump())
        write_text(self.work / PLAN, json.dumps(plan, indent=1))
        return cfg, plan

    def _planned(self):
        """Configuration and plan of a training that was stopped."""
        plan = json.loads((self.work / PLAN).read_text(encoding="utf-8"))
        cfg = load_config(str(self.work / "config.yaml"), list(self.options.settings))
        register(cfg)
        self.say(f"continuing the training in {self.output}")
        return cfg, plan

    def _table(self, split: str) -> Path:
        return self.work / f"{split}.tsv"

    # -- during -------------------------------------------------------------------------------

    def _train(self, cfg):
        """The trained network, its best checkpoint by the validation set."""
        trainer = Trainer(cfg)
        trainer.register_hooks([Progress(self.options.quiet)])
        trainer.resume_or_load(resume=self.options.resume)
        try:
            trainer.train()
        except KeyboardInterrupt:
            self.say("interrupted; continue with --resume")
            raise
        return trainer.system
