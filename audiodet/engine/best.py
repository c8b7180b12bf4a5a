"""Hooks that keep the best checkpoints of a training: across a resume, and no others."""

import logging
import math
import os
from pathlib import Path

from detectron2.engine import HookBase, hooks
from detectron2.evaluation.testing import flatten_results_dict
from detectron2.utils import comm

logger = logging.getLogger(__name__)


def best_hooks(cfg, checkpointer) -> list:
    """Hooks that write model_best.pth and model_top_<iteration>.pth; the main process has them."""
    best = cfg.SOLVER.BEST
    top = cfg.SOLVER.TOP
    result = []
    if best.METRIC:
        result.append(BestCheckpointer(checkpointer, best.METRIC, best.MODE))
    if top.COUNT:
        result.append(TopCheckpoints(checkpointer, top.COUNT, top.METRIC, top.MODE))
    return result


def remove_earlier_best(cfg) -> None:
    """Delete the best and top checkpoints that an earlier training left in OUTPUT_DIR.

    A new training must not end with them, nor an ensemble average them. One that it starts from
    (MODEL.WEIGHTS, MODEL.BACKBONE.INIT_WEIGHTS) stays.
    """
    folder = Path(cfg.OUTPUT_DIR)
    named = (cfg.MODEL.WEIGHTS, cfg.MODEL.BACKBONE.INIT_WEIGHTS)
    starts = [Path(path).resolve() for path in named if path]
    for path in (*folder.glob("model_best.pth"), *folder.glob("model_top_*.pth")):
        if path.resolve() not in starts:
            logger.warning(f"{path}: of an earlier training, removed")
            path.unlink()


def with_means(results: dict, names) -> dict:
    """Add the mean over several sets of every score to what ``Trainer.test`` returns.

    {set: {"sed": {"ER": x}}} gets "sed/ER", the name that it has where there is one set. A set
    whose score is NaN (nothing to score) is left out of that mean.
    """
    if len(names) < 2:
        return results
    sets = [flatten_results_dict(results[name] or {}) for name in names]
    means = {}
    for score in set.intersection(*map(set, sets)):
        values = [float(scores[score]) for scores in sets if not math.isnan(scores[score])]
        means[score] = sum(values) / len(values) if values else math.nan
    return {**results, **means}


class BestCheckpointer(hooks.BestCheckpointer):
    """detectron2's, looking whenever the metric is logged, and keeping its best on resume."""

    def __init__(self, checkpointer, metric: str, mode: str):
        super().__init__(0, checkpointer, metric, mode)

    def after_step(self):
        if self.trainer.storage.latest().get(self._val_metric, (None, -1))[1] == self.trainer.iter:
            self._best_checking()

    def after_train(self):
        """Scores of the end are of the test sets, which must not choose a model."""

    def state_dict(self):
        return {"best_metric": self.best_metric, "best_iter": self.best_iter}

    def load_state_dict(self, state):
        self.best_metric = state["best_metric"]
        self.best_iter = state["best_iter"]


class TopCheckpoints(HookBase):
    """Keeps the checkpoints of the best values of a metric, model_top_<iteration>.pth."""

    def __init__(self, checkpointer, count: int, metric: str, mode: str):
        """
        Args:
            count: how many stay.
            mode: "min" or "max".
        """
        self.checkpointer = checkpointer
        self.count = count
        self.metric = metric
        self.sign = {"min": 1.0, "max": -1.0}[mode]
        self.kept = []  # [signed value, iteration], best first

    def after_step(self):
        value, iteration = self.trainer.storage.latest().get(self.metric, (None, -1))
        if iteration != self.trainer.iter or not math.isfinite(value):
            return
        new = [self.sign * value, iteration]
        ranking = sorted([*self.kept, new])
        self.kept = ranking[: self.count]
        if new in self.kept:
            self.checkpointer.save(self._name(iteration), iteration=iteration)
        for _, dropped in ranking[self.count :]:
            path = os.path.join(self.checkpointer.save_dir, f"{self._name(dropped)}.pth")
            if os.path.isfile(path):  # not the new one, nor one that a killed training dropped
                os.remove(path)

    @staticmethod
    def _name(iteration: int) -> str:
        return f"model_top_{iteration:07d}"

    def state_dict(self):
        return {"kept": self.kept}

    def load_state_dict(self, state):
        self.kept = [list(pair) for pair in state["kept"]]


class EndWithBest(HookBase):
    """Loads model_best.pth when training has ended, so that the final evaluation scores it."""

    def __init__(self, checkpointer):
        self.checkpointer = checkpointer

    def after_train(self):
        if self.trainer.iter + 1 < self.trainer.max_iter:  # an error: the others may be anywhere
            return
        path = os.path.join(self.checkpointer.save_dir, "model_best.pth")
        # Only the main process has the hook that knows whether the file is of this training.
        if comm.all_gather(self._has_best() and os.path.isfile(path))[0]:
            self.checkpointer.load(path, checkpointables=[])

    def _has_best(self) -> bool:
        kept = [hook for hook in self.trainer._hooks if isinstance(hook, BestCheckpointer)]
        return any(hook.best_iter is not None for hook in kept)
