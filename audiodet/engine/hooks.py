"""Training hooks that detectron2 lacks: validation loss, early stopping, a best that resumes."""
import contextlib
import logging
import math
import os

import torch
from detectron2.engine import HookBase, hooks
from detectron2.utils import comm
from detectron2.utils.env import seed_all_rng
from detectron2.utils.events import EventStorage
from torch import nn

from audiodet.modeling.time_boxes import DropoutFCHead

logger = logging.getLogger(__name__)


class SeedEveryStep(HookBase):
    """Makes all randomness of a step a function of (seed, iteration, rank).

    A resumed training then continues exactly, with no random state to store.
    """

    def __init__(self, seed: int):
        self.seed = seed

    def before_step(self):
        number = (self.seed * 1_000_003 + self.trainer.iter) * 4096 + comm.get_rank()
        seed_all_rng(number % 2**31)


@contextlib.contextmanager
def computing_losses(model: nn.Module):
    """The model returns losses, but batch norm, dropout and weights stay as at inference."""
    fixed = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd, DropoutFCHead)
    before = {module: module.training for module in model.modules()}
    for module in before:
        module.training = not isinstance(module, fixed)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            yield
    finally:
        for module, training in before.items():
            module.training = training


class ValidationLoss(HookBase):
    """Logs the mean loss over the validation sets as val/total_loss and val/<loss name>."""

    def __init__(
        self, period: int, model: nn.Module, build_loaders, before_measuring=lambda: None
    ):
        """
        Args:
            period: iterations between two looks.
            build_loaders: function without arguments -> list of loaders.
            before_measuring: called first; makes the processes' models equal.
        """
        self.period, self.model, self.build_loaders = period, model, build_loaders
        self.before_measuring = before_measuring

    def after_step(self):
        next_iter = self.trainer.iter + 1
        if next_iter % self.period == 0 or next_iter >= self.trainer.max_iter:
            self._measure()

    def _measure(self):
        self.before_measuring()
        totals, clips = {}, 0
        # The heads log as they do in training; what they log here is kept out of its curves.
        with computing_losses(self.model), EventStorage(self.trainer.iter):
            for batch in (b for loader in self.build_loaders() for b in loader):
                for name, loss in self.model(batch).items():
                    totals[name] = totals.get(name, 0.0) + loss.item() * len(batch)
                clips += len(batch)
        parts = comm.all_gather((totals, clips))
        clips = sum(n for _, n in parts)
        names = parts[0][0]  # with few clips the other processes may have none
        means = {name: sum(t.get(name, 0.0) for t, _ in parts) / clips for name in names}
        means["total_loss"] = sum(means.values())
        self.trainer.storage.put_scalars(
            smoothing_hint=False, **{f"val/{name}": value for name, value in means.items()}
        )
        logger.info(f"iter {self.trainer.iter}: validation loss {means['total_loss']:.4f}")


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
        self.best_metric, self.best_iter = state["best_metric"], state["best_iter"]


class EarlyStop(HookBase):
    """Ends training when a metric has not improved for ``patience`` looks at it.

    The trainer still writes its final checkpoint and its final evaluation.
    """

    def __init__(self, period: int, metric: str, patience: int, min_delta=0.0, mode="min"):
        """
        Args:
            period: iterations between two looks.
            min_delta: least change that counts as an improvement.
            mode: "min" or "max".
        """
        self.period, self.metric, self.patience, self.min_delta = period, metric, patience, min_delta
        self.sign = {"min": 1.0, "max": -1.0}[mode]
        self.best, self.looks = math.inf, 0

    def after_step(self):
        if (self.trainer.iter + 1) % self.period:
            return
        value, iteration = self.trainer.storage.latest().get(self.metric, (None, -1))
        if iteration == self.trainer.iter:
            self._look(self.sign * value)
        # Scores are known to the main process only, which decides for all.
        if comm.all_gather(self.looks >= self.patience)[0]:
            logger.info(
                f"Stopping early at iteration {self.trainer.iter}: {self.metric} has not improved "
                f"on {self.sign * self.best:.4f} for {self.looks} looks"
            )
            self.trainer.stop()

    def before_train(self):
        if self.looks >= self.patience:  # resumed after it had stopped: only evaluate
            self.trainer.max_iter = self.trainer.start_iter

    def _look(self, value: float):
        if value < self.best - self.min_delta:
            self.best, self.looks = value, 0
        else:
            self.looks += 1

    def state_dict(self):
        return {"best": self.best, "looks": self.looks}

    def load_state_dict(self, state):
        self.best, self.looks = state["best"], state["looks"]


class EndWithBest(HookBase):
    """Loads model_best.pth when training has ended, so that the final evaluation scores it."""

    def __init__(self, checkpointer):
        self.checkpointer = checkpointer

    def after_train(self):
        if self.trainer.iter + 1 < self.trainer.max_iter:  # an error: the others may be anywhere
            return
        comm.synchronize()
        path = os.path.join(self.checkpointer.save_dir, "model_best.pth")
        if os.path.isfile(path):
            self.checkpointer.load(path, checkpointables=[])
