"""Warnings on recordings: each said once, of many alike the first ones and the number of others."""

import logging
import threading
from collections import Counter

logger = logging.getLogger(__name__)
SHOWN = 5  # warnings of a kind that are said in full

_lock = threading.Lock()
_said = set()
_counts = Counter()


def tell(name: str, kind: str, text: str) -> None:
    """Warn about a recording, once.

    Args:
        name: of the recording.
        kind: of the warning, in words; the first SHOWN of a kind are logged, the others counted.
        text: what is found, and what was expected.
    """
    with _lock:
        if (name, text) in _said:
            return
        _said.add((name, text))
        _counts[kind] += 1
        shown = _counts[kind] <= SHOWN
    if shown:
        logger.warning(f"{name}: {text}")


def tell_rest() -> None:
    """Log how many warnings of each kind were not said in full, and begin anew."""
    with _lock:
        counts = dict(_counts)
        _counts.clear()
        _said.clear()
    for kind, count in counts.items():
        if count > SHOWN:
            logger.warning(f"{count - SHOWN} more recordings {kind}")
