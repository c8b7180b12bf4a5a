"""How far the work on recordings is: a bar with the time that is left, or a line a minute."""

import contextlib
import sys
import time
from collections.abc import Iterable

from tqdm import tqdm

from audiodet.inference.reading import file_state

EVERY = 60.0  # seconds between two lines where stderr is no terminal


class Progress(contextlib.AbstractContextManager):
    """Bytes of the recordings that are done, on stderr.

    A terminal gets a bar with speed and time left, anything else (a log) a line a minute.
    """

    def __init__(self, sizes: dict[str, int], quiet: bool = False):
        """
        Args:
            sizes: bytes of each recording that is to be done, by path.
            quiet: show nothing.
        """
        self.sizes = sizes
        self.shown = dict.fromkeys(sizes, 0)
        self.quiet = quiet
        self.done = 0
        self.began = time.monotonic()
        self.last = self.began  # when the last line was printed
        self.bar = tqdm(
            total=sum(sizes.values()),
            unit="B",
            unit_scale=True,
            dynamic_ncols=True,
            disable=True if quiet else None,  # None: where stderr is no terminal
        )

    @classmethod
    def of(cls, paths: Iterable[str], quiet: bool = False) -> "Progress":
        """Of files, which are looked at."""
        return cls({path: file_state(path)[0] for path in paths}, quiet)

    def __exit__(self, *error) -> None:
        self.bar.close()

    def show(self, source: str, seconds: float = 1.0, duration: float = 1.0) -> None:
        """A recording is done up to ``seconds``; its bytes are taken as proportional to time."""
        done = round(self.sizes[source] * min(seconds / duration, 1.0))
        self.bar.update(done - self.shown[source])
        self.done += done - self.shown[source]
        self.shown[source] = done
        now = time.monotonic()
        if self.bar.disable and not self.quiet and now - self.last >= EVERY:
            self.last = now
            print(self.line(now - self.began), file=sys.stderr, flush=True)

    def line(self, seconds: float) -> str:
        """What is done after ``seconds`` of work, in words."""
        whole = sum(shown == self.sizes[path] for path, shown in self.shown.items())
        total = max(1, sum(self.sizes.values()))
        left = seconds * (total - self.done) / max(1, self.done)
        return (
            f"{whole} of {len(self.sizes)} recordings, {100 * self.done / total:.0f} %, "
            f"{duration_text(left)} left"
        )


def duration_text(seconds: float) -> str:
    """A duration in words: seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
