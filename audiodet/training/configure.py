"""The configuration of a training: recipe, data, what the machine can do in time, own keys."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.config.loading import load_config
from audiodet.config.node import as_arguments
from audiodet.data.datasets import setup_datasets
from audiodet.inference.progress import duration_text
from audiodet.model_zoo import get_config_file
from audiodet.training.found import OWN
from audiodet.training.options import Options
from audiodet.training.pieces import PIECES
from audiodet.training.recipe import Recipe
from audiodet.training.survey import Survey
from audiodet.training.timing import measure_pace

LOOKS = 10  # at the validation set, in a training
# The best model by the validation set is kept; four looks without a lower loss end a training.
WATCH = {
    "SOLVER.VAL_PERIOD": 1000,
    "SOLVER.BEST.METRIC": "val/total_loss",
    "SOLVER.EARLY_STOP.PATIENCE": 4,
}


class Configurator:
    """Makes the configuration of one training, and says what it chose and why."""

    def __init__(
        self,
        work: Path,
        tables: Mapping[str, Path],
        facts: Survey,
        options: Options,
        say: Callable[[str], None],
    ):
        """
        Args:
            work: folder of the training.
            tables: label table of each split, with absolute paths.
            say: called with lines for people.
        """
        self.work = work
        self.tables = tables
        self.facts = facts
        self.options = options
        self.say = say

    def choose(self, recipe: Recipe):
        """The frozen configuration; a YAML of the user's replaces the recipe."""
        settings = self._data_settings()
        if self.options.config:
            return self._load(self.options.config, settings)
        self.say(f"recipe {recipe.name}, because")
        for reason in recipe.reasons:
            self.say(f"  {reason}")
        yaml = get_config_file(recipe.config)
        settings |= recipe.settings | WATCH
        steps = self._steps(recipe, self._load(yaml, settings))
        settings |= {
            "SOLVER.MAX_ITER": steps,
            "SOLVER.VAL_PERIOD": -(-steps // LOOKS),
            "SOLVER.CHECKPOINT_PERIOD": -(-steps // LOOKS),
        }
        return self._load(yaml, settings)

    def _data_settings(self) -> dict:
        """Keys of data, folders and device, which no recipe and no YAML knows."""
        # The tables have absolute paths; the folder beside them is searched, so a small one.
        pieces = (self.work / PIECES).absolute()
        pieces.mkdir(parents=True, exist_ok=True)
        specs = [f"{OWN}{split}={path.absolute()}:{pieces}" for split, path in self.tables.items()]
        device = self.options.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        return {
            "DATASETS.LABELS": list(self.facts.labels),
            "DATASETS.CUSTOM": specs,
            "DATASETS.TRAIN": [f"{OWN}train"],
            "DATASETS.VAL": [f"{OWN}val"],
            "DATASETS.TEST": [],  # scored after tuning
            "OUTPUT_DIR": self.work,
            "INPUT.CACHE_DIR": self.work / "cache",
            "MODEL.PRETRAINED.CACHE_DIR": self.work / "cache",
            "DATALOADER.NUM_WORKERS": 0,
            "MODEL.DEVICE": device,
        }

    def _load(self, yaml: str, settings: Mapping):
        cfg = load_config(yaml, [*as_arguments(settings), *self.options.settings])
        register(cfg)
        return cfg

    def _steps(self, recipe: Recipe, cfg) -> int:
        """Steps that the recipe wants, or as many as there is time for; says how long they take."""
        crop = cfg.INPUT.CROP_AUDIO.SECONDS
        clips = self.facts.seconds("train") / crop if crop else len(self.facts.durations["train"])
        batches = max(1, round(clips / cfg.SOLVER.IMS_PER_BATCH))  # hold all recordings once
        fewest, most = recipe.steps
        wanted = round(min(max(recipe.epochs * batches, fewest), most))
        pace = measure_pace(cfg)
        steps = max(LOOKS, min(wanted, pace.steps_in(60 * self.options.minutes, batches)))
        if "SOLVER.MAX_ITER" in self.options.settings[::2]:
            steps = wanted = cfg.SOLVER.MAX_ITER
        shortened = "" if steps == wanted else f" ({wanted} would be better: give more --minutes)"
        self.say(
            f"{steps} steps of {pace.later:.2g} s on {cfg.MODEL.DEVICE}, about "
            f"{duration_text(pace.seconds(steps, batches))} at most{shortened}"
        )
        return steps


def register(cfg) -> None:
    """Make the configuration's own datasets known, instead of those of an earlier training."""
    for spec in cfg.DATASETS.CUSTOM:
        name = spec.partition("=")[0]
        for known in [other for other in DatasetCatalog if other.split("[")[0] == name]:
            DatasetCatalog.remove(known)
            MetadataCatalog.remove(known)
    setup_datasets(cfg)
