"""What a file holds, by its bytes and not by its header's word: the streams to decode, in order."""

import os
from dataclasses import dataclass

from audiodet.audio import flac, mpeg, ogg, pcm
from audiodet.audio.chunks import family_of
from audiodet.audio.source import Part, Source
from audiodet.audio.tags import without_tags
from audiodet.names import counted

JUNK = 1 << 16  # bytes before a recording in which its beginning is looked for
BEGINNINGS = (b"RIFF", b"RF64", b"BW64", b"FORM", b"fLaC", b"OggS", b"\xff")
KEPT = 256  # layouts that are remembered
_known = {}  # what tells a file and its state -> its layout


@dataclass(frozen=True)
class Layout:
    """The parts of a recording, joined in order, and what is to be said of them.

    Attributes:
        parts: at least one; their sources belong to a file that may be closed.
        notes: what was not as the file's header says, in words.
    """

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()


def layout(fd: int) -> Layout:
    """The layout of an open file, remembered for as long as the file does not change.

    Raises:
        AudioError: seen to be truncated or without sound; without the file's name.
    """
    status = os.fstat(fd)
    key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    if key not in _known:
        found = _layout(fd)
        while len(_known) >= KEPT:
            _known.pop(next(iter(_known)), None)
        _known[key] = found
    return _known[key]


def _layout(fd: int) -> Layout:
    whole = Source.of_file(fd)
    source = without_tags(whole)
    start = _beginning(source)
    if start < 0:
        return Layout((Part(whole),))
    notes = [f"{counted(start, 'byte')} before the recording, passed over"] if start else []
    found, said = _reader(source, start)(source.part(start, source.size))
    return Layout(tuple(found), tuple(notes + said))


def _reader(source: Source, place: int):
    """What takes apart a recording that begins at a place; None where none begins."""
    head = source.read_at(place, 12)
    if family_of(head):
        return pcm.parts
    if flac.is_flac(head):
        return flac.parts
    if head[:5] == ogg.MARKER:
        return ogg.parts
    if head[:1] == b"\xff" and mpeg.begins(source, place):
        return mpeg.parts
    return None


def _beginning(source: Source) -> int:
    """Where a recording begins, in the first bytes; -1 where none is found."""
    if _reader(source, 0):
        return 0
    head = source.read_at(0, JUNK)
    for words in BEGINNINGS:
        place = -1
        while (place := head.find(words, place + 1)) >= 0:
            if _reader(source, place):
                return place
    return -1
