"""Files of chunks as what libsndfile decodes: the samples that are there, whatever a header says.

A header says how many bytes of samples follow. What lies behind them decides whether that is
believed: other chunks, tags, zeros, another recording or nothing do; other bytes are samples too.
"""

import struct

from audiodet.audio import mpeg
from audiodet.audio.chunks import (
    AIFF,
    UNKNOWN_64,
    WAV,
    WRAP,
    Behind,
    Chunk,
    Family,
    family_of,
    look_behind,
    samples_of,
)
from audiodet.audio.source import Part, Source
from audiodet.names import counted

FEW = 1024  # bytes behind the samples that are passed over when nobody knows what they are
MOST = 1 << 30  # bytes of samples of a part, where sizes have 32 bits
MPEG_IN_WAV = (0x50, 0x55)
EXTENSIBLE = 0xFFFE


def parts(source: Source) -> tuple[list[Part], list[str]]:
    """What libsndfile decodes of a source that begins with a file of chunks, and what is said."""
    family = family_of(source.read_at(0, 12))
    data, before = samples_of(source, family)
    if data is None:
        return [Part(source)], []
    promised = _promised(source, family, data, before.get(b"ds64"))
    start = min(source.size, data.body + family.lead)
    notes = []
    spans, missing, behind = _spans(source, family, start, promised, notes)
    samples = Source.join(source.part(*span) for span in spans)
    if _format(source, family, before) in MPEG_IN_WAV:
        found = _mpeg(samples, notes)
    elif _is_plain(source, spans, promised, behind):
        end = source.size if behind.following is None else behind.following
        found = [Part(source.part(0, end), missing=missing / max(1, samples.size))]
    else:
        mended = _mended(source, family, data, before, samples)
        found = [Part(piece, missing=missing / max(1, samples.size)) for piece in mended]
    if behind.following is not None:
        more, said = parts(source.part(behind.following, source.size))
        found += more
        notes += ["another recording follows in the same file, both are read", *said]
    return found, notes


def _promised(source: Source, family: Family, data: Chunk, ds64: Chunk | None) -> int | None:
    """Bytes of samples that the header promises; None where it was written to a pipe."""
    size = data.size
    if size == WRAP - 1 and ds64:
        (size,) = struct.unpack("<Q", source.read_at(ds64.body + 8, 8).ljust(8, b"\0"))
        return size if 0 < size < UNKNOWN_64 else None
    return None if family.is_unknown(size) else max(0, size - family.lead)


def _spans(source, family, start: int, promised: int | None, notes: list):
    """([(start, end) of samples], bytes that are promised and not there, what lies behind)."""
    spans = []
    while True:
        end, behind = _end(source, family, start, promised, notes)
        spans.append((start, min(end, source.size)))
        if behind.more is None:
            return spans, max(0, end - source.size), behind
        notes.append("the samples lie in several chunks, all are read")
        start = behind.more.body + family.lead
        promised = _promised(source, family, behind.more, None)


def _end(source, family, start: int, promised: int | None, notes: list) -> tuple[int, Behind]:
    """Where samples end, as far as is promised or known, and what lies behind them."""
    size = source.size
    if promised is None or start + promised > size:
        return size if promised is None else start + promised, Behind(True, tidy=True)
    end = start + promised
    wraps = (size - end) // WRAP if family.number[1] == "I" else 0
    for count in range(wraps, -1, -1):
        behind = look_behind(source, family, end + count * WRAP)
        if behind.known:
            if behind.zeros:
                notes.append(f"{counted(size - end, 'zero byte')} behind the samples, passed over")
            if count:
                notes.append("the samples are longer than the 4 GiB of the header, all are read")
            return end + count * WRAP, behind
    rest = counted(size - end, "byte")
    if promised and size - end < FEW:
        notes.append(f"{rest} behind the samples, passed over")
        return end, Behind(True)
    says = f"promises {promised:,} bytes of samples" if promised else "was never finished"
    notes.append(f"the header {says}, {rest} more follow, all are read")
    return size, Behind(True)


def _format(source: Source, family: Family, before: dict[bytes, Chunk]) -> int:
    """The format code of a wav, 0 where there is none."""
    if family is not WAV or b"fmt " not in before:
        return 0
    head = source.read_at(before[b"fmt "].body, 26).ljust(26, b"\0")
    code, inner = struct.unpack("<H22xH", head)
    return inner if code == EXTENSIBLE else code


def _mpeg(samples: Source, notes: list) -> list[Part]:
    """mp3 in a wav."""
    place = mpeg.first_frame(samples, 0, samples.size)
    if place < 0:
        return [Part(samples)]
    found, said = mpeg.parts(samples.part(place, samples.size))
    notes += said
    return found


def _is_plain(source: Source, spans: list, promised: int | None, behind: Behind) -> bool:
    """Whether libsndfile reads exactly these samples by itself."""
    (start, end), *others = spans
    known = source.read_at(0, 4) != b"BW64" and behind.tidy
    return known and not others and promised == end - start


def _mended(source, family, data: Chunk, before: dict, samples: Source) -> list[Source]:
    """Files whose headers say what they hold; several where one could not say so much."""
    head = source.part(0, data.body + family.lead)
    most = max(1, samples.size)
    if family.number[1] == "I" and samples.size > MOST:
        block = _block(source, family, before)
        most = MOST // block * block
    magic = {b"RF64": b"RIFF", b"BW64": b"RIFF"}.get(head.read_at(0, 4), head.read_at(0, 4))
    files = []
    for start in range(0, max(1, samples.size), most):
        piece = samples.part(start, min(start + most, samples.size))
        patches = {0: magic, **_sizes(family, data, head.size, piece.size)}
        if b"ds64" in before:
            patches[before[b"ds64"].size_at - 4] = b"JUNK"
        files.append(Source.join([head.mended(patches), piece]))
    return files


def _sizes(family: Family, data: Chunk, head: int, samples: int) -> dict[int, bytes]:
    """Patches of the sizes in a header of ``head`` bytes."""
    size = family.lead + samples + (data.body - data.size_at + 16) * family.counts_head
    patches = {data.size_at: struct.pack(family.number, size)}
    if family.total_at:
        patches[family.total_at] = struct.pack(family.number, head + samples - 8)
    return patches


def _block(source: Source, family: Family, before: dict[bytes, Chunk]) -> int:
    """Bytes of samples that belong together."""
    order = family.number[0]
    if family is AIFF and b"COMM" in before:
        comm = source.read_at(before[b"COMM"].body, 8).ljust(8, b"\0")
        channels, bits = struct.unpack(">H4xH", comm)
        return max(1, channels * -(-bits // 8))
    if b"fmt " in before:
        fmt = source.read_at(before[b"fmt "].body, 14).ljust(14, b"\0")
        return max(1, struct.unpack(f"{order}12xH", fmt)[0])
    return 1
