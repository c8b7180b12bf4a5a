"""Warnings about recordings: of many alike the first ones are said, and how many more there are."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

logger = logging.getLogger(__name__)
SHOWN = 5  # warnings of a kind that are said in full

_lock = threading.Lock()
_said = set()
_counts = Counter()
_collected = ContextVar("collected", default=None)


def tell(name: str, kind: str, text: str, once: bool = False) -> None:
    """Warn about a recording.

    Args:
        name: of the recording.
        kind: what such recordings are or have; the first SHOWN are logged, the others counted.
        text: what is found, and what was expected.
        once: not again when the recording is opened again.
    """
    if (collected := _collected.get()) is not None:
        collected.append((name, kind, text))
        return
    with _lock:
        if once and (name, text) in _said:
            return
        _said.add((name, text))
        _counts[kind] += 1
        shown = _counts[kind] <= SHOWN
    if shown:
        logger.warning(f"{name}: {text}")


@contextmanager
def collecting() -> Iterator[list[tuple[str, str, str]]]:
    """Yield a list that takes (name, kind, text) of all warnings in the block; none is logged."""
    token = _collected.set([])
    try:
        yield _collected.get()
    finally:
        _collected.reset(token)


def tell_rest() -> None:
    """Log how many warnings of each kind were not said in full, and begin anew."""
    with _lock:
        counts = dict(_counts)
        _counts.clear()
        _said.clear()
    for kind, count in counts.items():
        if count > SHOWN:
            logger.warning(f"{count - SHOWN} more recordings {kind}")
