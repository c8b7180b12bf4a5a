"""What a person sees of a training: a bar with the time that is left, or a line a minute; a log."""

import contextlib
import logging
import sys
import time
from pathlib import Path

from detectron2.engine import HookBase
from tqdm import tqdm

from audiodet.inference.progress import EVERY, duration_text

LOGGERS = ("audiodet", "detectron2", "LabGym.detectron2", "fvcore")


class Progress(HookBase):
    """Shows steps done, losses and the time that is left on stderr."""

    def __init__(self, quiet: bool = False):
        self.quiet = quiet
        self.bar = None

    def before_train(self):
        self.shown = self.began = time.monotonic()
        self.first = self.trainer.start_iter
        on_terminal = sys.stderr.isatty() and not self.quiet
        if on_terminal:
            total = self.trainer.max_iter
            self.bar = tqdm(total=total, initial=self.first, unit="step", dynamic_ncols=True)

    def after_step(self):
        if self.bar is not None:
            self.bar.update()
            self.bar.set_postfix_str(self._losses(), refresh=False)
        elif not self.quiet and time.monotonic() - self.shown >= EVERY:
            self.shown = time.monotonic()
            done = self.trainer.iter + 1 - self.first
            left = (
                (self.shown - self.began) / done * (self.trainer.max_iter - self.trainer.iter - 1)
            )
            say(
                f"step {self.trainer.iter + 1} of {self.trainer.max_iter}, {self._losses()}, "
                f"{duration_text(left)} left"
            )

    def after_train(self):
        if self.bar is not None:
            self.bar.close()

    def _losses(self) -> str:
        latest = self.trainer.storage.latest()
        parts = []
        for name, key in (("loss", "total_loss"), ("validation", "val/total_loss")):
            if key in latest:
                parts.append(f"{name} {latest[key][0]:.4f}")
        return ", ".join(parts)


def say(text: str) -> None:
    """Print a line for people."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def logging_to(path: Path, verbose: bool = False):
    """All that the trainer and its libraries log goes to a file, with ``verbose`` to stderr too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    logging.raiseExceptions = False  # a log that cannot grow is no reason for tracebacks
    handlers = [logging.FileHandler(path, encoding="utf-8")]
    if verbose:
        handlers.append(logging.StreamHandler())
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for handler in handlers:
        handler.setFormatter(logging.Formatter("[%(asctime)s %(name)s] %(message)s"))
        for logger in loggers:
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before):
            logger.setLevel(level)
            logger.propagate = propagate
            for handler in handlers:
                logger.removeHandler(handler)
        for handler in handlers:
            handler.close()
