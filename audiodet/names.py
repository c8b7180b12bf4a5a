"""Names of recordings as tables show them: one line of text each, unique where files need it."""

import os
from collections.abc import Sequence

FORBIDDEN = '/\\:*?"<>|'  # of some system's file names
RESERVED = {"CON", "PRN", "AUX", "NUL"}  # names that Windows keeps for devices, as COM1 to LPT9
RESERVED |= {f"{device}{number}" for device in ("COM", "LPT") for number in range(1, 10)}
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


def safe_name(text: str) -> str:
    """A label as a folder's name on any system; see :func:`safe_names` for different ones."""
    kept = []
    for character in printable(text):
        kept.append("_" if character in FORBIDDEN else character)
    name = "".join(kept).encode()[:LONGEST].decode("utf-8", "ignore").strip(". ")
    if not name or name.split(".")[0].upper() in RESERVED:
        name = f"_{name}"
    return name


def safe_names(texts: Sequence[str]) -> dict[str, str]:
    """:func:`safe_name` of each text; equal ones, also but for case, are numbered."""
    names = {}
    taken = set()
    for text in texts:
        base = safe_name(text)
        name = base
        number = 2
        while name.lower() in taken:
            name = f"{base}_{number}"
            number += 1
        taken.add(name.lower())
        names[text] = name
    return names
