"""How files of chunks are laid out: wav, RF64, BW64, Wave64, AIFF, CAF; and AU, which has one."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from audiodet.audio.source import Source
from audiodet.audio.tags import behind_tag

WRAP = 1 << 32
UNKNOWN_64 = 1 << 62  # 64-bit sizes from here on say nothing
# Sizes of 32 bits that programs write when they cannot come back to the header: the largest with
# and without a sign, rounded down to whole blocks or less a header; ALSA's 2^31, with a header;
# SoX's, of wav and of AIFF.
ROUNDED = 64
UNKNOWN_32 = (
    (WRAP - ROUNDED, WRAP - 1),
    ((1 << 31) - ROUNDED, (1 << 31) + ROUNDED),
    (0x7FFFF000 - ROUNDED, 0x7FFFF000),
    (0x7F000000 - ROUNDED, 0x7F000000 + ROUNDED),
)
METADATA = frozenset(  # names of chunks that may be cut off and are still known
    b"LIST fact PEAK bext smpl inst plst JUNK junk FLLR PAD  ID3  id3  iXML axml chna _PMX "
    b"DISP acid strc cart levl link umid MARK INST NAME AUTH ANNO COMT APPL COMM wamd guan ".split(
        b" "
    )
)


@dataclass(frozen=True)
class Family:
    """How a kind of file writes its chunks.

    Attributes:
        first: where the first chunk begins.
        head: name and size of a chunk, as :mod:`struct` writes them; "" where there are none.
        samples: name of the chunk that holds the samples.
        lead: bytes in that chunk before the samples.
        align: chunks begin at multiples of it.
        counts_head: whether a size counts the chunk's head.
        total_at: where the size of the whole file stands, 0 where it does not.
    """

    first: int
    head: str
    samples: bytes = b"data"
    lead: int = 0
    align: int = 2
    counts_head: bool = False
    total_at: int = 4

    @property
    def number(self) -> str:
        """A size, as :mod:`struct` writes it."""
        return self.head[0] + self.head[-1]

    def is_unknown(self, size: int) -> bool:
        """Whether a size of the samples means that nobody knew it."""
        if self.number[1] == "Q":
            return size >= UNKNOWN_64
        return any(least <= size <= most for least, most in UNKNOWN_32)


@dataclass(frozen=True)
class Chunk:
    """A chunk: its name, where its size stands, where its body begins, and the body's bytes."""

    name: bytes
    size_at: int
    body: int
    size: int

    @property
    def end(self) -> int:
        """As far as its size says."""
        return self.body + self.size


WAV = Family(12, "<4sI")
AIFF = Family(12, ">4sI", samples=b"SSND", lead=8)
SVX = replace(AIFF, samples=b"BODY", lead=0)
WAVE64 = Family(40, "<4s12xQ", align=8, counts_head=True, total_at=0)
CAF = Family(8, ">4sQ", lead=4, align=1, total_at=0)
BIG_WAV = replace(WAV, head=">4sI")
FAMILIES = {  # the first four bytes, and those behind the size of the file
    (b"RIFF", b"WAVE"): WAV,
    (b"RF64", b"WAVE"): WAV,
    (b"BW64", b"WAVE"): WAV,
    (b"RIFX", b"WAVE"): BIG_WAV,
    (b"FORM", b"AIFF"): AIFF,
    (b"FORM", b"AIFC"): AIFF,
    (b"FORM", b"8SVX"): SVX,
    (b"FORM", b"16SV"): SVX,
}
OTHERS = {
    b"riff": WAVE64,
    b"caff": CAF,
    b".snd": Family(0, ">I", align=1, total_at=0),
    b"dns.": Family(0, "<I", align=1, total_at=0),
}


def family_of(head: bytes) -> Family | None:
    """The family of a file that begins with these 12 bytes; None where it is another kind."""
    return FAMILIES.get((head[:4], head[8:12])) or OTHERS.get(head[:4])


def chunk_at(source: Source, family: Family, place: int) -> Chunk | None:
    """The chunk that begins at a place, also one that says that it ends behind the source."""
    length = struct.calcsize(family.head)
    head = source.read_at(place, length)
    if len(head) < length:
        return None
    name, size = struct.unpack(family.head, head)
    at = place + length - struct.calcsize(family.number)
    return Chunk(name, at, place + length, max(0, size - length * family.counts_head))


def chunks(source: Source, family: Family) -> Iterator[Chunk]:
    """All chunks, from the first on."""
    place = family.first
    while chunk := chunk_at(source, family, place):
        yield chunk
        place = -(-chunk.end // family.align) * family.align


def samples_of(source: Source, family: Family) -> tuple[Chunk | None, dict[bytes, Chunk]]:
    """The chunk with the samples, and those before it by name."""
    if len(family.head) == 2:  # AU: where samples begin, and their bytes
        start, size = struct.unpack(family.head[0] + "II", source.read_at(4, 8).ljust(8, b"\0"))
        return Chunk(b"", 8, start, size), {}
    before = {}
    for chunk in chunks(source, family):
        if chunk.name == family.samples:
            return chunk, before
        before[chunk.name] = chunk
    return None, before


@dataclass(frozen=True)
class Behind:
    """What lies behind samples.

    Attributes:
        known: nothing, or what is recognised: chunks, tags, zeros, samples, a recording.
        tidy: nothing, or only whole chunks.
        more: another chunk of samples.
        following: where another recording begins.
        zeros: it ends with nothing but zeros.
    """

    known: bool
    tidy: bool = False
    more: Chunk | None = None
    following: int | None = None
    zeros: bool = False


def look_behind(source: Source, family: Family, end: int) -> Behind:
    """What lies behind samples that end at ``end``, where chunks may be aligned or not."""
    aligned = -(-end // family.align) * family.align
    behind = _look(source, family, aligned)
    return behind if behind.known or aligned == end else _look(source, family, end)


def _look(source: Source, family: Family, place: int) -> Behind:
    tidy = True
    known = False
    while place < source.size:
        after = behind_tag(source, place)
        if after > place:
            tidy = False
            known = True
            place = after
            continue
        if family_of(source.read_at(place, 12)):
            return Behind(True, tidy, following=place)
        chunk = chunk_at(source, family, place) if len(family.head) > 2 else None
        if chunk and chunk.name == family.samples:
            return Behind(True, more=chunk)
        if not _is_plausible(chunk, source.size):
            zeros = source.is_zero(place)
            return Behind(known or zeros, zeros=zeros)
        known = known or chunk.name in METADATA
        tidy = tidy and chunk.end <= source.size
        place = -(-chunk.end // family.align) * family.align
    return Behind(True, tidy)


def _is_plausible(chunk: Chunk | None, size: int) -> bool:
    """Whether bytes that are read as a chunk can be one."""
    if chunk is None or not all(32 <= byte < 127 for byte in chunk.name):
        return False
    return chunk.end <= size or chunk.name in METADATA
