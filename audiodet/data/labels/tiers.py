"""Annotations in tiers: Praat's TextGrid and ELAN's EAF.

A tier's name does not count, its intervals' texts are the labels; an interval without text is none.
"""

import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from urllib.parse import unquote, urlparse

from audiodet.data.labels.rows import LabelTable
from audiodet.errors import DataError

TEXTGRID = "Praat TextGrid"
ELAN = "ELAN"
# Praat reads a TextGrid, long or short, as its free-standing strings, flags and numbers.
TOKEN = re.compile(
    r'"((?:[^"]|"")*)"|(?<!\S)(<exists>|<absent>|[-+]?[\d.]+(?:[eE][-+]?\d+)?)(?!\S)'
)


def read_textgrid(path: str, text: str, recording: str) -> LabelTable:
    """Events of one ``recording`` from a TextGrid's interval tiers; see Praat's manual.

    Raises:
        DataError: it ends early, or a tier is of no known class.
    """
    table = LabelTable(path, "strong", format=TEXTGRID)
    tokens = _tokens(text)
    try:
        header = [next(tokens) for _ in range(6)]  # two types, begin, end, <exists>, tiers
        for _ in range(int(header[5])):
            _read_tier(table, tokens, recording)
    except (StopIteration, ValueError):
        raise DataError(f"{path}: ends early or is damaged, expected a whole TextGrid") from None
    if not table.rows and not table.problems:
        table.add(0, {"filename": recording})
    return table


def _tokens(text: str) -> Iterator[str]:
    for match in TOKEN.finditer(text):
        string, other = match.groups()
        yield other if string is None else string.replace('""', '"')


def _read_tier(table: LabelTable, tokens: Iterator[str], recording: str) -> None:
    kind, name, _, _, size = [next(tokens) for _ in range(5)]
    if kind not in ("IntervalTier", "TextTier"):
        raise ValueError(kind)
    marks = 0
    for _ in range(int(size)):
        onset = next(tokens)
        offset = next(tokens) if kind == "IntervalTier" else None
        label = next(tokens).strip()
        if offset is None:
            marks += 1
        elif label:
            fields = {"filename": recording, "onset": onset, "offset": offset}
            table.add(0, {**fields, "event_label": label})
    if marks:
        table.notes.append(f"tier {name!r}: {marks} points without a length are left out")


def read_elan(path: str, text: str, recording: str) -> LabelTable:
    """Events from an EAF's time-aligned annotations and those that refer to them.

    The recording is the first medium that the file names, else ``recording``.

    Raises:
        DataError: no XML.
    """
    table = LabelTable(path, "strong", format=ELAN)
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(f"{path}: no XML ({error}), expected an EAF of ELAN") from None
    recording = _medium(root) or recording
    times = {}
    for slot in root.iter("TIME_SLOT"):
        times[slot.get("TIME_SLOT_ID")] = slot.get("TIME_VALUE")
    spans = {}
    unplaced = 0
    for annotation in _annotations(root):
        refers = annotation.get("ANNOTATION_REF")
        slots = annotation.get("TIME_SLOT_REF1"), annotation.get("TIME_SLOT_REF2")
        span = spans.get(refers) if refers else tuple(map(times.get, slots))
        spans[annotation.get("ANNOTATION_ID")] = span
        label = (annotation.findtext("ANNOTATION_VALUE") or "").strip()
        if label and span and all(span):
            onset, offset = map(_seconds, span)
            fields = {"filename": recording, "onset": onset, "offset": offset}
            table.add(0, {**fields, "event_label": label})
        elif label:
            unplaced += 1
    if unplaced:
        table.notes.append(f"{unplaced} annotations without a time are left out")
    if not table.rows and not table.problems:
        table.add(0, {"filename": recording})
    return table


def _annotations(root: ElementTree.Element) -> list[ElementTree.Element]:
    """Aligned annotations, then those that refer to others, these after what they refer to."""
    found = list(root.iter("ALIGNABLE_ANNOTATION"))
    known = {annotation.get("ANNOTATION_ID") for annotation in found}
    waiting = list(root.iter("REF_ANNOTATION"))
    while waiting:
        ready = [each for each in waiting if each.get("ANNOTATION_REF") in known]
        if not ready:
            return found + waiting
        found += ready
        known |= {each.get("ANNOTATION_ID") for each in ready}
        waiting = [each for each in waiting if each.get("ANNOTATION_ID") not in known]
    return found


def _seconds(milliseconds: str) -> float | str:
    """ELAN's time in seconds; what is none stays, the table says so then."""
    return int(milliseconds) / 1000 if milliseconds.isdecimal() else milliseconds


def _medium(root: ElementTree.Element) -> str:
    """Path of the first medium of type audio, else of the first one; empty where none is named."""
    media = sorted(root.iter("MEDIA_DESCRIPTOR"), key=_is_no_audio)
    for medium in media:
        url = medium.get("RELATIVE_MEDIA_URL") or medium.get("MEDIA_URL") or ""
        if url:
            return os.path.normpath(unquote(urlparse(url).path)).lstrip("/")
    return ""


def _is_no_audio(medium: ElementTree.Element) -> bool:
    return not (medium.get("MIME_TYPE") or "").startswith("audio")
