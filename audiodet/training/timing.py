"""How long a training takes on this machine, from a few of its own steps."""

import time
from dataclasses import dataclass

from detectron2.utils.events import EventStorage

from audiodet.engine.trainer import Trainer

REPEATS = 5  # of which the fastest counts: other programs may be busy for a moment
MARGIN = 1.25  # what looks at the validation set, checkpoints and the end add, about


@dataclass(frozen=True)
class Pace:
    """Seconds of one step whose features are computed, and of one whose features are kept."""

    first: float
    later: float

    def seconds(self, steps: int, batches: int) -> float:
        """Of a training of so many steps, ``batches`` of which hold clips that are new."""
        new = min(steps, batches)
        return MARGIN * (new * max(0.0, self.first - self.later) + steps * self.later)

    def steps_in(self, seconds: float, batches: int) -> int:
        """Most steps that take at most so many seconds."""
        rest = seconds / MARGIN - batches * max(0.0, self.first - self.later)
        return int(rest / self.later)


def measure_pace(cfg) -> Pace:
    """Time real steps of a configuration, without keeping what they learn."""
    trainer = Trainer(cfg)
    trainer.resume_or_load(resume=False)
    model = trainer.model.train()
    began = time.perf_counter()
    batch = next(trainer._trainer._data_loader_iter)
    _step(model, batch)
    first = time.perf_counter() - began
    later = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        _step(model, batch)
        later.append(time.perf_counter() - began)
    return Pace(first, min(later))


def _step(model, batch) -> None:
    with EventStorage():
        losses = model(batch)
    sum(losses.values()).backward()
    model.zero_grad()
