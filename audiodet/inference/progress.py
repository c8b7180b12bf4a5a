"""A progress bar on stderr, when that is a terminal."""

import sys
import time
from collections.abc import Mapping

from tqdm import tqdm


class Progress:
    """Bytes of recordings that are done, time left, and the real-time factor.

    Bytes are known without opening a file; within a recording they are taken as proportional to
    time.
    """

    def __init__(self, sizes: Mapping[str, int]):
        """
        Args:
            sizes: bytes of each recording that is to be done.
        """
        self.sizes, self.seconds, self.began = sizes, 0.0, time.monotonic()
        self.bar = tqdm(
            total=sum(sizes.values()),
            unit="B",
            unit_scale=True,
            file=sys.stderr,
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
        )
        self.before = 0  # bytes of finished recordings

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error) -> None:
        self.bar.close()

    def place(self, source: str, seconds: float, duration: float) -> None:
        """A recording is done up to ``seconds``."""
        share = min(seconds / duration, 1.0) if duration else 1.0
        self._show(self.before + round(share * self.sizes[source]), self.seconds + seconds)

    def finish(self, found) -> None:
        """A :class:`~audiodet.inference.detector.Detection` is in the journal."""
        self.before += self.sizes[found.source]
        self.seconds += found.duration
        self._show(self.before, self.seconds)

    def _show(self, done: int, seconds: float) -> None:
        if seconds:
            factor = (time.monotonic() - self.began) / seconds
            self.bar.set_postfix_str(f"real-time factor {factor:.4f}", refresh=False)
        self.bar.update(max(0, done - self.bar.n))
