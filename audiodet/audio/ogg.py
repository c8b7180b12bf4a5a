"""Ogg: pages of one or several streams, at once or one after another (a chain).

libsndfile hears the first stream of a file alone, so each link of a chain becomes a part of its
own. FLAC in Ogg becomes plain FLAC. Format: RFC 3533, and RFC 5334 for what streams hold.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from audiodet.audio import flac
from audiodet.audio.source import WINDOW, Part, Source
from audiodet.errors import AudioError

MARKER = b"OggS\0"
HEADER = 27  # bytes before the table of lengths
LONGEST = 65307  # bytes of a page
FIRST, LAST = 2, 4  # flags
AUDIO = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")
FLAC_HEADER = 9  # bytes before plain FLAC in the first packet
MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page.

    Attributes:
        start, body, end: where it, its body and what follows begin.
        flags: FIRST, LAST of its stream.
        position: in the stream, in samples, so far; below 0 where no packet ends.
        serial: of its stream.
        number: in its stream.
        kind: first bytes of its stream.
    """

    start: int
    body: int
    end: int
    flags: int
    position: int
    serial: int
    number: int
    kind: bytes


@dataclass
class Link:
    """Streams that begin together, by serial number; the first that is audio counts."""

    pages: dict[int, list[Page]] = field(default_factory=dict)

    def has_begun(self) -> bool:
        """Whether more than first pages came."""
        return any(len(pages) > 1 for pages in self.pages.values())

    def audio(self) -> list[list[Page]]:
        """Pages of each stream that is audio."""
        return [pages for pages in self.pages.values() if pages[0].kind.startswith(AUDIO)]


def parts(source: Source) -> tuple[list[Part], list[str]]:
    """The streams of a source that begins with a page, and what is to be said of them.

    Raises:
        AudioError: truncated, damaged, or no stream is audio; without the file's name.
    """
    notes = []
    links = _links(source, notes)
    found = []
    for link in links:
        streams = link.audio()
        if streams:
            more, said = _stream(source, streams[0])
            found += more
            notes += said
        if len(streams) > 1:
            notes.append(f"{len(streams)} sounds at once, the first is read")
    if not found:
        raise AudioError("not audio (an Ogg file without Vorbis, Opus or FLAC)")
    last = links[-1].audio()
    if not notes and last and not last[0][-1].flags & LAST:
        notes.append("the last page lacks the end-of-stream flag, the end may be missing")
    if len(links) > 1:
        notes.append(f"{len(links)} Ogg streams one after another, all are read")
    return found, notes


def _links(source: Source, notes: list) -> list[Link]:
    """The pages of a source by link and stream; one that was cut off before a link is noted."""
    links = [Link()]
    damaged = False
    for page in _pages(source):
        if page is None:
            damaged = True
            continue
        if page.flags & FIRST and links[-1].has_begun():
            links.append(Link())
            if damaged:
                notes.append("a page at the end of a stream is cut off, passed over")
            damaged = False
        elif damaged and links[-1].has_begun():
            raise AudioError(f"damaged, an Ogg page before byte {page.start} has a wrong checksum")
        if page.flags & FIRST or page.serial in links[-1].pages:
            links[-1].pages.setdefault(page.serial, []).append(page)
    return links


def _stream(source: Source, pages: list[Page]) -> tuple[list[Part], list[str]]:
    """One stream of pages as what libsndfile decodes."""
    for before, page in pairwise(pages):
        if before.position > 0 and page.number != before.number + 1:  # a rip may begin anywhere
            raise AudioError(f"damaged, Ogg pages before byte {page.start} are missing")
    if not pages[0].kind.startswith(b"\x7fFLAC"):
        return [Part(Source.join(source.part(page.start, page.end) for page in pages))], []
    bodies = [source.part(page.body, page.end) for page in pages]
    bodies[0] = bodies[0].part(FLAC_HEADER, bodies[0].size)
    return flac.parts(Source.join(bodies))


def _pages(source: Source) -> Iterator[Page | None]:
    """Whole pages in order, None for each that is damaged."""
    place = 0
    window, data = 0, b""
    while place < source.size:
        if place + LONGEST > window + len(data):
            window, data = place, source.read_at(place, WINDOW)
        head = data[place - window : place - window + LONGEST]
        if head[:5] != MARKER:
            place = source.find(MARKER, place + 1)
            if place < 0:
                return
            continue
        body = HEADER + head[HEADER - 1] if len(head) >= HEADER else LONGEST
        end = body + sum(head[HEADER:body])
        if len(head) < end:
            if source.find(MARKER, place + 1) < 0:
                raise AudioError(
                    f"truncated, {source.size} bytes without a last page, expected one with the "
                    "end-of-stream flag"
                )
            place += 1
            yield None
            continue
        if not _is_whole(head[:end]):
            place += 1  # where the next page begins is not sure
            yield None
            continue
        flags, *places = struct.unpack("<5xBqII", head[:22])
        kind = head[body : body + 8] if flags & FIRST else b""
        yield Page(place, place + body, place + end, flags, *places, kind)
        place += end


def _is_whole(page: bytes) -> bool:
    """Whether a page agrees with its checksum: a CRC-32 of mirrored bits, begun with zero."""
    plain = (page[:22] + bytes(4) + page[26:]).translate(MIRROR)
    value = zlib.crc32(plain, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return value.to_bytes(4, "big").translate(MIRROR) == page[22:26]
