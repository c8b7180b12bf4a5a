"""Training hooks that detectron2 lacks: validation loss, early stopping, metrics that exist."""

import contextlib
import difflib
import itertools
import logging
import math

import torch
from detectron2.engine import HookBase
from detectron2.utils import comm
from detectron2.utils.env import seed_all_rng
from detectron2.utils.events import EventStorage
from torch import nn

from audiodet.errors import ConfigError

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
    fixed = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)
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
    """Logs the mean loss over the validation sets as val/total_loss and val/<loss name>.

    What the model logs beside its losses (an accuracy) is averaged too, as val/<name>.
    """

    def __init__(self, period: int, model: nn.Module, build_loaders, before_measuring=lambda: None):
        """
        Args:
            period: iterations between two looks.
            build_loaders: function without arguments -> list of loaders.
            before_measuring: called first; makes the processes' models equal.
        """
        self.period = period
        self.model = model
        self.build_loaders = build_loaders
        self.before_measuring = before_measuring

    def after_step(self):
        next_iter = self.trainer.iter + 1
        if next_iter % self.period == 0 or next_iter >= self.trainer.max_iter:
            self._measure()

    def _measure(self):
        self.before_measuring()
        totals = {}
        clips = 0
        # The heads log as they do in training; what they log here is kept out of its curves.
        with computing_losses(self.model), EventStorage(self.trainer.iter) as logged:
            for batch in itertools.chain.from_iterable(self.build_loaders()):
                losses = {name: loss.item() for name, loss in self.model(batch).items()}
                values = {name: value for name, (value, _) in logged.latest().items()}
                values |= {**losses, "total_loss": sum(losses.values())}
                for name, value in values.items():
                    totals[name] = totals.get(name, 0.0) + value * len(batch)
                clips += len(batch)
        parts = comm.all_gather((totals, clips))
        clips = sum(count for _, count in parts)
        means = {}
        for name in parts[0][0]:  # with few clips the other processes may have none
            means[f"val/{name}"] = sum(totals.get(name, 0.0) for totals, _ in parts) / clips
        self.trainer.storage.put_scalars(smoothing_hint=False, **means)
        logger.info(f"iter {self.trainer.iter}: validation loss {means['val/total_loss']:.4f}")


class ExpectMetrics(HookBase):
    """Ends a training that watches a metric which its first look does not find: a wrong name.

    ``periods`` are those of :func:`audiodet.config.checks.watched_metrics`.
    """

    def __init__(self, periods: dict):
        self.periods = periods

    def after_step(self):
        next_iter = self.trainer.iter + 1
        latest = self.trainer.storage.latest()
        for metric, period in self.periods.items():
            # Scores of the last iteration are of the test sets, which nothing watches.
            due = next_iter < self.trainer.max_iter or metric.startswith("val/")
            if due and next_iter % period == 0 and metric not in latest:
                near = difflib.get_close_matches(metric, latest, n=5, cutoff=0.0)
                raise ConfigError(
                    f"SOLVER.BEST, SOLVER.EARLY_STOP or SOLVER.TOP watches {metric!r}, which is "
                    f"not measured, expected a metric such as {', '.join(near)}"
                )


class EarlyStop(HookBase):
    """Ends training when a metric has not improved for ``patience`` looks at it.

    The trainer still writes its final checkpoint and its final evaluation.
    """

    def __init__(self, period: int, metric: str, patience: int, min_delta=0.0, mode="min"):
        self.period = period
        self.metric = metric
        self.patience = patience
        self.min_delta = min_delta
        self.sign = {"min": 1.0, "max": -1.0}[mode]
        self.best = math.inf
        self.looks = 0

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
            self.best = value
            self.looks = 0
        else:
            self.looks += 1

    def state_dict(self):
        return {"best": self.best, "looks": self.looks}

    def load_state_dict(self, state):
        self.best = state["best"]
        self.looks = state["looks"]
