"""Recordings that a run works through, each brought into the journal once, whatever stops it."""

import os
import sys
from collections.abc import Callable, Iterator

from audiodet.inference.fingerprint import fingerprint, is_same
from audiodet.inference.inputs import collect
from audiodet.inference.journal import Journal
from audiodet.inference.outputs import ERRORS
from audiodet.inference.progress import Progress
from audiodet.inference.reading import file_state
from audiodet.names import counted, printable

SOME_FAILED = 3  # exit code of a run that finished although some inputs could not be used


class Work:
    """What is to be done, and what of it is done.

    Attributes:
        paths: the recordings; with those of earlier inputs, once :meth:`take_up` has seen them.
        problems: [(path, reason)] of inputs that cannot be used.
        todo: the recordings that are not in the journal.
    """

    def __init__(self, inputs, quiet: bool = False):
        self.paths, self.problems = collect(inputs, quiet)
        self.quiet = quiet
        self.todo = self.paths

    def take_up(self, journal: Journal, is_done: Callable[[dict], bool] = lambda entry: True):
        """Find out what the journal has of these recordings, and of others that it keeps.

        A recording counts as done under any spelling of its path, unless its file is another one.

        Args:
            is_done: whether what an entry stands for is still there.
        """
        self._rename(journal)
        for path in self.paths:
            if path in journal.done:
                entry = journal.get(path)
                if not is_same(path, entry["state"]) or not is_done(entry):
                    del journal.done[path]
        named = set(self.paths)
        self.todo = [path for path in self.paths if path not in journal.done]
        kept = [path for path in journal.done if path not in named]
        if kept and not self.quiet:
            what = counted(len(kept), "recording")
            print(f"{what} of earlier inputs stay in the tables", file=sys.stderr)
        self.paths = kept + self.paths
        for path, place in journal.failed.items():
            if path not in named and os.path.exists(path):
                self.problems.append((path, journal.entry_at(place)["error"]))

    def _rename(self, journal: Journal) -> None:
        """Give recordings of the journal the names by which they are called now."""
        named = set(self.paths)
        places = {}
        for path in journal.done:
            if path not in named:
                places[journal.places.get(path) or os.path.realpath(path)] = path
        for path in self.paths if places else ():
            before = places.get(os.path.realpath(path))
            if before and path not in journal.done:
                journal.rename(before, path)
                del places[os.path.realpath(path)]

    def fill(self, journal: Journal, hear: Callable) -> None:
        """Bring every recording into the journal.

        Args:
            hear: called with the recordings and with :meth:`Progress.show`; gives (path, entry) of
                each, in any order; an entry has "error" where a recording cannot be used.
        """
        states = {path: file_state(path) for path in self.todo}
        sizes = {path: state[0] for path, state in states.items()}
        try:
            with Progress(sizes, self.quiet) as progress:
                for path, entry in hear(self.todo, progress.show):
                    bad = "error" in entry
                    state = None if bad else fingerprint(path, states[path])
                    journal.add(path, state=state, **entry)
                    progress.show(path)
        except KeyboardInterrupt:
            done = len(journal.done.keys() & set(self.paths))
            print(
                f"interrupted: {done} of {counted(len(self.paths), 'recording')} are done; "
                "continue with --resume",
                file=sys.stderr,
            )
            raise

    def entries(self, journal: Journal) -> Iterator[tuple[str, dict]]:
        """(path, entry) of the recordings that could be used; the others become problems."""
        for path in self.paths:
            entry = journal.get(path)
            if "error" in entry:
                self.problems.append((path, entry["error"].removeprefix(f"{path}: ")))
            else:
                yield path, entry

    def exit_code(self, folder: str) -> int:
        """Say what failed -> exit code."""
        if not self.problems:
            return 0
        table = os.path.join(folder, ERRORS)
        first = printable(": ".join(self.problems[0]))
        failed = counted(len(self.problems), "input")
        print(f"{failed} failed, see {table}; the first: {first}", file=sys.stderr)
        return SOME_FAILED
