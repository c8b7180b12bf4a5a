"""Names of recordings as tables show them: one line of text each, unique where files need it."""

import os
from collections.abc import Sequence

LONGEST = 200  # bytes of a name; file systems take 255, of which numbers and suffixes need some


def decodable(path: str) -> str:
    r"""A path as UTF-8: its undecodable bytes become \xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    r"""One line of UTF-8: control characters and undecodable bytes become \t, \n or \xNN."""
    shown = []
    for character in decodable(text):
        if not character.isprintable():
            character = character.encode("unicode_escape").decode("ascii")
        shown.append(character)
    return "".join(shown)


def unique_names(paths: Sequence[str]) -> dict[str, str]:
    """A name for each path, without folder, suffix and blanks; equal ones are numbered.

    A name has at most 200 bytes before its number, so that it can be part of a file's name.
    """
    names = {}
    taken = set()
    for path in paths:
        stem = os.path.splitext(os.path.basename(path))[0]
        stem = "_".join(printable(stem).replace(os.sep, "_").split()) or "_"
        stem = stem.encode()[:LONGEST].decode("utf-8", "ignore")
        name = stem
        number = 2
        while name in taken:
            name = f"{stem}_{number}"
            number += 1
        taken.add(name)
        names[path] = name
    return names
