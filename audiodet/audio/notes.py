"""Warnings about recordings: of many alike the first ones are said, and how many more there are."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from audiodet.names import counted

logger = logging.getLogger(__name__)
SHOWN = 5  # warnings of a kind that are said in full

_lock = threading.Lock()
_said = set()
_counts = Counter()
_most = None  # warnings of a kind that are said in full
_noted = None  # in a batch: {recording: [(kind, text)]} that nobody has taken yet
_collected = ContextVar("collected", default=None)


def tell(name: str, kind: str, text: str, once: bool = False) -> None:
    """Warn about a recording.

    Args:
        name: of the recording.
        kind: what such recordings are or have, in words.
        text: what is found, and what was expected.
        once: not again when the recording is opened again.
    """
    if (collected := _collected.get()) is not None:
        collected.append((name, kind, text))
        return
    with _lock:
        if once and (name, text) in _said:
            return
        if once:
            _said.add((name, text))
        if _noted is not None:
            _noted.setdefault(name, []).append((kind, text))
        _counts[kind] += 1
        shown = _most is None or _counts[kind] <= _most
    if shown:
        logger.warning(f"{name}: {text}")


def noted(name: str) -> list[tuple[str, str]]:
    """Take (kind, text) of the warnings about a recording in this batch so far."""
    with _lock:
        return (_noted or {}).pop(name, [])


@contextmanager
def collecting() -> Iterator[list[tuple[str, str, str]]]:
    """Yield a list that takes (name, kind, text) of all warnings in the block; none is logged."""
    token = _collected.set([])
    try:
        yield _collected.get()
    finally:
        _collected.reset(token)


@contextmanager
def in_batch(most: int | None = SHOWN) -> Iterator[None]:
    """In the block, of each kind at most so many warnings are said in full (None: all).

    At its end the numbers of the others are logged. :func:`noted` has all of them.
    """
    global _most, _noted
    _most = most
    _noted = {}
    _said.clear()
    _counts.clear()
    try:
        yield
    finally:
        _most = None
        _noted = None
        for kind, count in _counts.items():
            if most is not None and count > most:
                logger.warning(f"{counted(count - most, 'more warning')} of recordings that {kind}")
