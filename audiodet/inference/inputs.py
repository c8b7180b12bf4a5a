"""What a user names on the command line -> the recordings that are meant."""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from audiodet.audio.suffixes import (
    OTHER_SUFFIXES,
    UNREADABLE_SUFFIXES,
    is_debris,
    is_recording,
    suffix_of,
)
from audiodet.errors import AudiodetError
from audiodet.names import printable

NAMED = 8  # suffixes of a kind that are named


@dataclass
class Walked:
    """What was found in folders, each file counted once.

    Attributes:
        recordings: number of files that are heard.
        unreadable, unknown, others: number of files by suffix: sound that cannot be read, of an
            unknown kind, and no sound.
        debris: files and folders that systems and recorders leave behind.
    """

    recordings: int = 0
    unreadable: Counter = field(default_factory=Counter)
    unknown: Counter = field(default_factory=Counter)
    others: Counter = field(default_factory=Counter)
    debris: int = 0

    def is_heard(self, name: str) -> bool:
        """Count a file -> whether it is a recording."""
        suffix = suffix_of(name)
        if is_debris(name):
            self.debris += 1
        elif is_recording(name):
            self.recordings += 1
            return True
        elif suffix in UNREADABLE_SUFFIXES:
            self.unreadable[suffix] += 1
        elif suffix in OTHER_SUFFIXES:
            self.others[suffix] += 1
        else:
            self.unknown[suffix] += 1
        return False

    def told(self) -> str:
        """A line on all files; "" where all are recordings."""
        texts = []
        if self.unreadable:
            what = _named(self.unreadable)
            texts.append(f"not read: {what} (convert sound to wav or flac first)")
        if self.unknown:
            texts.append(f"of an unknown kind: {_named(self.unknown)}")
        if self.others:
            texts.append(f"no sound: {_named(self.others)}")
        if self.debris:
            texts.append(
                f"passed over: {self.debris} of macOS, Windows or a recorder (such as ._*)"
            )
        if not texts:
            return ""
        kind = "warning" if self.unreadable or self.unknown else "note"
        return f"{kind}: in folders, {self.recordings} recordings; {'; '.join(texts)}"


def _named(counts: Counter) -> str:
    """Numbers of files by suffix, the most frequent ones by name."""
    named = counts.most_common(NAMED)
    texts = [f"{count} {printable(suffix)}" for suffix, count in named]
    rest = counts.total() - sum(count for _, count in named)
    return ", ".join(texts + ([f"{rest} others"] if rest else []))


def collect(
    arguments: Iterable[str], quiet: bool = False
) -> tuple[list[str], list[tuple[str, str]]]:
    """Recordings in order, each once, and the arguments or folders that cannot be used.

    Args:
        arguments: files (of any name), folders (all recordings in them, by suffix, at any depth,
            in order of their names; linked folders too, each once) and ``@list`` (a file of
            one path a line, or separated by NUL as ``find -print0`` writes; ``@-`` is stdin).
        quiet: say only what may be sound and is not heard.

    What else lies in folders is counted on stderr, in one line.

    Returns:
        (paths, [(path, reason)]). Paths are as given, or begin with the folder that was given.
        Of a path that comes twice the first counts. A missing file counts as a path, so that the
        reader says what is wrong with it.

    Raises:
        AudiodetError: nothing to read at all.
    """
    paths = {}
    problems = []
    walked = Walked()
    for path in _expand(arguments, problems, walked):
        paths.setdefault(os.path.abspath(path), path)
    if walked.told() and not (quiet and walked.told().startswith("note")):
        print(walked.told(), file=sys.stderr)
    if not paths and problems:
        raise AudiodetError("; ".join(f"{path}: {reason}" for path, reason in problems))
    if not paths:
        raise AudiodetError("the lists of inputs are empty, expected at least one recording")
    return list(paths.values()), problems


def _expand(arguments, problems: list, walked: Walked, inside: tuple = ()) -> Iterator[str]:
    """Paths of arguments that stand in the nested lists ``inside`` (true paths)."""
    for argument in arguments:
        if argument.startswith("@") and not os.path.exists(argument):
            name = os.path.realpath(argument[1:])
            if name in inside:
                problems.append((argument, "a list that leads to itself, expected paths"))
                continue
            lines = _read_list(argument[1:], problems)
            yield from _expand(lines, problems, walked, (*inside, name))
        elif os.path.isdir(argument):
            problems_before = len(problems)
            paths = list(_walk(argument, set(), problems, walked))
            if not paths and len(problems) == problems_before:
                reason = (
                    "a folder without recordings, expected files such as *.wav, *.flac, *.ogg or "
                    "*.mp3"
                )
                problems.append((argument, reason))
            yield from paths
        else:
            yield argument


def _walk(folder: str, seen: set, problems: list, walked: Walked) -> Iterator[str]:
    """Recordings under a folder; a folder that links lead to again is not entered again."""
    try:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        reason = f"cannot be listed ({error.strerror}), expected a readable folder"
        problems.append((folder, reason))
        return
    for entry in entries:
        if os.path.isdir(entry.path):  # no error for a link to itself
            if is_debris(entry.name):
                walked.debris += 1
            else:
                yield from _walk(entry.path, seen, problems, walked)
        elif walked.is_heard(entry.name):
            yield entry.path


def _read_list(path: str, problems: list) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        reason = f"cannot be read ({error.strerror}), expected a list of paths"
        problems.append((f"@{path}", reason))
        return []
    lines = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(line) for line in lines if line.strip()]
