"""Names of recordings as tables show them: one line of text each, unique where files need it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

FORBIDDEN = '/\\:*?"<>|'  # of some system's file names
RESERVED = {"CON", "PRN", "AUX", "NUL"}  # names that Windows keeps for devices, as COM1 to LPT9
RESERVED |= {f"{device}{number}" for device in ("COM", "LPT") for number in range(1, 10)}
FORMULA = ("=", "+", "-", "@")  # begin of what a spreadsheet computes
LONGEST = 200  # bytes of a name; file systems take 255, of which numbers and suffixes need some


def decodable(path: str) -> str:
    r"""A path as UTF-8: its undecodable bytes become \xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    r"""One line of UTF-8: control characters and undecodable bytes become \t, \n or \xNN."""
    text = decodable(text)
    if text.isprintable():
        return text
    shown = []
    for character in text:
        if not character.isprintable():
            character = character.encode("unicode_escape").decode("ascii")
        shown.append(character)
    return "".join(shown)


def cell(text: str) -> str:
    r"""A cell of a table that no spreadsheet takes for a formula: a leading = + - @ is \x3d ..."""
    shown = printable(text)
    if shown.startswith(FORMULA):
        shown = f"\\x{ord(shown[0]):02x}{shown[1:]}"
    return shown


def path_cell(path: str) -> str:
    """:func:`cell` of a file's name, which stays one: "=a.wav" is "./=a.wav"."""
    return cell(f"./{path}" if path.startswith(FORMULA) else path)


def counted(number: int, noun: str) -> str:
    """ "1 event", "2,000 events"."""
    return f"{number:,} {noun}" + ("s" if number != 1 else "")


def spelled_alike(name: str, known: Iterable[str], most: int = 5) -> str:
    """Known names in words, those that are spelled most like ``name`` where there are many."""
    known = list(known)
    if len(known) <= most:
        return ", ".join(known)
    near = get_close_matches(name, known, most, cutoff=0.0)
    return f"{', '.join(near)} or {len(known) - len(near)} others"


def unique_names(paths: Sequence[str], longest: int = LONGEST) -> dict[str, str]:
    """A name for each path, without folder, suffix and blanks; equal ones are numbered.

    A name has at most ``longest`` bytes before its number, so that it can be part of a file's name.
    """
    stems = []
    for path in paths:
        stem = os.path.splitext(os.path.basename(path))[0]
        stem = "_".join(printable(stem).replace(os.sep, "_").split()) or "_"
        stems.append(_cut(stem, longest))
    return dict(zip(paths, _numbered(stems)))


def _cut(text: str, longest: int) -> str:
    return text.encode()[:longest].decode("utf-8", "ignore")


def _numbered(stems: Sequence[str], same=str) -> Iterator[str]:
    """Names, of which those that are the same are numbered from 2 on."""
    taken = set()
    following = {}
    for stem in stems:
        name = stem
        number = following.get(same(stem), 2)
        while same(name) in taken:
            name = f"{stem}_{number}"
            number += 1
        following[same(stem)] = number
        taken.add(same(name))
        yield name


def safe_name(text: str, longest: int = LONGEST) -> str:
    """A label as a folder's name on any system; see :func:`safe_names` for different ones."""
    kept = []
    for character in printable(text):
        kept.append("_" if character in FORBIDDEN else character)
    name = _cut("".join(kept), longest).strip(". ")
    if not name or name.split(".")[0].upper() in RESERVED:
        name = f"_{name}"
    return name


def safe_names(texts: Sequence[str], longest: int = LONGEST) -> dict[str, str]:
    """:func:`safe_name` of each text; equal ones, also but for case, are numbered."""
    stems = [safe_name(text, longest) for text in texts]
    return dict(zip(texts, _numbered(stems, str.lower)))
