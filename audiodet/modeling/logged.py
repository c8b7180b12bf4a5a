"""Scalars of a training step that are logged together, so that a GPU is waited for once."""

import contextlib
import threading
from collections.abc import Callable

import torch
from detectron2.utils.events import get_event_storage

_thread = threading.local()  # .waiting: of the outermost `logging_together`


def log_later(values: torch.Tensor, names: Callable[[list], dict]) -> None:
    """Log ``names(values.tolist())``, a dict name -> number, at the end of the step."""
    _thread.waiting.append((values.detach(), names))


@contextlib.contextmanager
def logging_together():
    """Calls of :func:`log_later` in here are logged at the end of the outermost such block."""
    if getattr(_thread, "waiting", None) is not None:
        yield
        return
    waiting = _thread.waiting = []
    try:
        yield
    finally:
        _thread.waiting = None
    if not waiting:
        return
    numbers = torch.cat([values.float().reshape(-1) for values, _ in waiting]).tolist()
    storage = get_event_storage()
    for values, names in waiting:
        for name, number in names(numbers[: values.numel()]).items():
            storage.put_scalar(name, number)
        numbers = numbers[values.numel() :]
