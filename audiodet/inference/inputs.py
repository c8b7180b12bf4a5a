"""What a user names on the command line -> the recordings that are meant."""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from audiodet.audio.suffixes import AUDIO_SUFFIXES, UNREADABLE_SUFFIXES
from audiodet.errors import AudiodetError


def collect(arguments: Iterable[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Recordings in order, each once, and the arguments or folders that cannot be used.

    Args:
        arguments: files (of any name), folders (all recordings in them, by suffix, at any depth,
            in order of their names; linked folders too, each once) and ``@list`` (a file of
            one path a line, or separated by NUL as ``find -print0`` writes; ``@-`` is stdin).

    Files in folders that look like sound of a format that cannot be read are counted on stderr.

    Returns:
        (paths, [(path, reason)]). Paths are as given, or begin with the folder that was given.
        Of a path that comes twice the first counts. A missing file counts as a path, so that the
        reader says what is wrong with it.

    Raises:
        AudiodetError: nothing to read at all.
    """
    paths = {}
    problems = []
    skipped = Counter()
    for path in _expand(arguments, problems, skipped):
        paths.setdefault(os.path.abspath(path), path)
    if skipped:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(skipped.items()))
        print(
            f"warning: skipped {kinds} in folders; expected formats of libsndfile, such as wav, "
            "flac, ogg or mp3",
            file=sys.stderr,
        )
    if not paths and problems:
        raise AudiodetError("; ".join(f"{path}: {reason}" for path, reason in problems))
    if not paths:
        raise AudiodetError("the lists of inputs are empty, expected at least one recording")
    return list(paths.values()), problems


def _expand(arguments, problems: list, skipped: Counter, inside: tuple = ()) -> Iterator[str]:
    """Paths of arguments that stand in the nested lists ``inside`` (true paths)."""
    for argument in arguments:
        if argument.startswith("@") and not os.path.exists(argument):
            name = os.path.realpath(argument[1:])
            if name in inside:
                problems.append((argument, "a list that leads to itself, expected paths"))
                continue
            lines = _read_list(argument[1:], problems)
            yield from _expand(lines, problems, skipped, (*inside, name))
        elif os.path.isdir(argument):
            yield from _expand_folder(argument, problems, skipped)
        else:
            yield argument


def _expand_folder(folder: str, problems: list, skipped: Counter) -> Iterator[str]:
    """Recordings under a folder; none at all is a problem."""
    empty = True
    problems_before = len(problems)
    for path in _walk(folder, set(), problems, skipped):
        empty = False
        yield path
    if empty and len(problems) == problems_before:
        reason = "a folder without recordings, expected files such as *.wav, *.flac, *.ogg or *.mp3"
        problems.append((folder, reason))


def _walk(folder: str, seen: set, problems: list, skipped: Counter) -> Iterator[str]:
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
            yield from _walk(entry.path, seen, problems, skipped)
            continue
        suffix = Path(entry.name).suffix.lower()
        if suffix in AUDIO_SUFFIXES:
            yield entry.path
        elif suffix in UNREADABLE_SUFFIXES:
            skipped[suffix] += 1


def _read_list(path: str, problems: list) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        reason = f"cannot be read ({error.strerror}), expected a list of paths"
        problems.append((f"@{path}", reason))
        return []
    lines = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(line) for line in lines if line.strip()]
