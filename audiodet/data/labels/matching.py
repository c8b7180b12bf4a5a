"""The recordings that label files mean, found by their names.

Labels name recordings as other machines and programs spell them: other folders, slashes, case,
Unicode forms, suffixes. The longest part of a path that fits decides, and of equally long ones the
spelling that changes least; two recordings that fit equally well are never guessed between.
"""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from audiodet.audio.suffixes import AUDIO_SUFFIXES, UNREADABLE_SUFFIXES, is_recording
from audiodet.data.labels.recognising import stem_without_addition
from audiodet.names import printable, unique_names

OWN = "by the names that audiodet gives to files"


def _composed(path: str) -> str:
    return unicodedata.normalize("NFC", path.replace("\\", "/"))


def _without_suffix(path: str) -> str:
    stem, suffix = os.path.splitext(path)
    return stem if suffix.lower() in (*AUDIO_SUFFIXES, *UNREADABLE_SUFFIXES) else path


# What a note says -> the spelling by which names and recordings are compared.
SPELLINGS = {
    "": str,
    "as tables escape them": printable,
    "in another Unicode form or with other slashes": _composed,
    "in another case": lambda path: _composed(path).casefold(),
    "without their suffix": lambda path: _without_suffix(_composed(path)),
    "without their suffix, in another case": lambda path: _without_suffix(
        _composed(path)
    ).casefold(),
    "without their suffix, with _ for blanks": lambda path: "_".join(
        _without_suffix(_composed(path)).casefold().split()
    ),
}


class Recordings:
    """The recordings of a folder, to be found by name.

    Attributes:
        folder: what paths are relative to.
        paths: the recordings, relative, in the order in which a walk meets them.
    """

    def __init__(self, folder: str, paths: Iterable[str]):
        self.folder = folder
        self.paths = sorted(paths, key=lambda path: path.split(os.sep))

    def find(self, name: str, own: bool = False) -> tuple[list[str], str]:
        """The recordings that ``name`` may mean: one where it is clear; and how it was found.

        Args:
            own: the name is one that audiodet made of the recording's, for a format whose names
                have no folders.
        """
        if own and name in self._own:
            return [self._own[name]], OWN
        there = self._as_it_is(name)
        if there:
            return [there], ""
        for candidate in dict.fromkeys((name, stem_without_addition(name))):
            found, how = self._by_tails(candidate)
            if found:
                return found, how
        return ([self._own[name]], OWN) if name in self._own else ([], "")

    def _as_it_is(self, name: str) -> str:
        """The path of a recording that is in the folder, or absolute; "" where there is none."""
        if not os.path.isabs(name) and os.path.isfile(os.path.join(self.folder, name)):
            return os.path.normpath(name)
        if not os.path.isfile(name):
            return ""
        inside = os.path.relpath(os.path.realpath(name), os.path.realpath(self.folder or "."))
        if not inside.startswith(".."):
            return inside
        return name if os.path.isabs(name) else ""

    @cached_property
    def _own(self) -> dict[str, str]:
        return {name: path for path, name in unique_names(self.paths).items()}

    @cached_property
    def _index(self) -> dict[str, dict[str, list[str]]]:
        index = {spelling: defaultdict(list) for spelling in SPELLINGS}
        for spelling, spell in SPELLINGS.items():
            for path in self.paths:
                for tail in _tails(spell(path)):
                    index[spelling][tail].append(path)
        return index

    def _by_tails(self, name: str) -> tuple[list[str], str]:
        tails = {spelling: list(_tails(spell(name))) for spelling, spell in SPELLINGS.items()}
        longest = max(map(len, tails.values()))
        for length in range(longest, 0, -1):
            for spelling, parts in tails.items():
                found = self._index[spelling].get(parts[-length]) if len(parts) >= length else None
                if found:
                    cut = "" if length == len(parts) else "by the end of their path"
                    return found, ", ".join(filter(None, (cut, spelling)))
        return [], ""


def find_recordings(folders: Sequence[str], deep: bool = True) -> Recordings:
    """All recordings in folders, at any depth or (not ``deep``) in themselves alone."""
    folders = list(dict.fromkeys(map(os.path.normpath, folders)))
    base = folders[0] if len(folders) == 1 else _common(folders)
    paths = []
    for folder in folders:
        for place, files in walk(folder, deep):
            paths += [os.path.join(place, file) for file in files if is_recording(file)]
    paths = dict.fromkeys(os.path.relpath(path, base) for path in paths)
    return Recordings(base, paths)


def walk(folder: str, deep: bool = True) -> Iterator[tuple[str, list[str]]]:
    """Folders and the names of their files, sorted; linked folders too, each folder once."""
    seen = set()
    for place, inside, files in os.walk(folder, followlinks=True):
        true_place = os.path.realpath(place)
        if true_place in seen or not deep:
            inside.clear()
        inside.sort()
        if true_place not in seen:
            yield place, sorted(files)
        seen.add(true_place)


def _common(folders: Sequence[str]) -> str:
    if len({os.path.isabs(folder) for folder in folders}) > 1:
        folders = list(map(os.path.abspath, folders))
    return os.path.commonpath(folders) or "."


def _tails(path: str) -> Iterable[str]:
    """A path's ends, the whole one first: "a/b/c", "b/c", "c"."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ["/".join(parts[start:]) for start in range(len(parts))]
