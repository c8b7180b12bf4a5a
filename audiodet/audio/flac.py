"""FLAC: how many samples a stream holds is said by its last frame, whatever its header says.

Format: RFC 9639.
"""

from functools import cache

from audiodet.audio.source import Part, Source
from audiodet.errors import AudioError

MARKER = b"fLaC"
INFO = 8 + 34  # bytes of the marker and of the first metadata block, STREAMINFO
LOOK_BACK = 1 << 16  # bytes in which the last frame is looked for first
FAR_BACK = 1 << 22  # at most; longer frames are not known
BLOCK_SIZES = {1: 192, **{k: 144 << k for k in range(2, 6)}, **{k: 1 << k for k in range(8, 16)}}


def is_flac(head: bytes) -> bool:
    """Whether bytes begin a stream: the marker and a STREAMINFO of 34 bytes."""
    return head[:4] == MARKER and head[4:5] in (b"\0", b"\x80") and head[5:8] == b"\0\0\x22"


def parts(source: Source) -> tuple[list[Part], list[str]]:
    """The streams of a source that begins with one, and what is to be said of them."""
    starts = [0]
    while (place := source.find(MARKER, starts[-1] + INFO)) >= 0:
        while place >= 0 and not is_flac(source.read_at(place, 8)):
            place = source.find(MARKER, place + 1)
        if place < 0:
            break
        starts.append(place)
    found = []
    notes = []
    for start, end in zip(starts, [*starts[1:], source.size]):
        part, note = _part(source.part(start, end).without_zeros())
        found.append(part)
        notes += note
    if len(found) > 1:
        notes.append(f"{len(found)} FLAC streams one after another, all are read")
    return found, notes


def _part(source: Source) -> tuple[Part, list[str]]:
    """A stream with its true length, and what is to be said of it; AudioError without a frame."""
    head = source.read_at(0, INFO)
    there = last_sample(source)
    if len(head) < INFO or there is None:
        raise AudioError(f"truncated, {source.size} bytes of FLAC without a whole frame")
    promised = int.from_bytes(head[21:26], "big") & 0xFFFFFFFFF
    if there == promised:
        return Part(source), []
    total = (head[21] >> 4 << 36 | there).to_bytes(5, "big")
    mended = source.mended({21: total})
    if promised == 0:
        return Part(mended), []
    if there > promised:
        return Part(mended), [f"the header promises {promised:,} samples, {there:,} are there"]
    return Part(mended, missing=(promised - there) / max(1, there)), []


def last_sample(source: Source) -> int | None:
    """Samples up to the end of the last whole frame of a stream; None where no frame is found.

    Two frames of which one continues the other are sure; a single one is believed at the start.
    """
    block_size = int.from_bytes(source.read_at(8, 2), "big")
    look_back = LOOK_BACK
    while True:
        start = max(INFO, source.size - look_back)
        data = source.read_at(start, source.size - start)
        later = {}  # first sample of a whole frame -> samples up to its end
        place = len(data)
        while (place := data.rfind(b"\xff", 0, place)) >= 0:
            first, ends = _frame(data, place, block_size)
            if ends in later or (ends and first == 0):
                return later.get(ends, ends)
            if ends:
                later[first] = ends
        if start == INFO or look_back >= FAR_BACK:
            return max(later.values(), default=None)
        look_back *= 8


def _frame(data: bytes, place: int, block_size: int) -> tuple[int, int]:
    """First sample of the whole frame at ``place`` and samples up to its end; (0, 0): none."""
    head = data[place : place + 16]
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1 or head[2] & 15 == 15:
        return 0, 0
    number, at = _number(head)
    code = head[2] >> 4
    extra = {6: 1, 7: 2}.get(code, 0)
    length = int.from_bytes(head[at : at + extra], "big") + 1 if extra else BLOCK_SIZES.get(code, 0)
    at += extra + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if number is None or not length or at >= len(head) or _crc(head[:at], 8, 0x07) != head[at]:
        return 0, 0
    if _crc(data[place:], 16, 0x8005, until_zero=at + 3):
        return 0, 0
    first = number if head[1] & 1 else number * block_size
    return first, first + length


def _number(head: bytes) -> tuple[int | None, int]:
    """The frame's or sample's number, coded like UTF-8 from byte 4 on, and the byte behind it."""
    lead = head[4]
    if lead < 0x80:
        return lead, 5
    size = 8 - (lead ^ 0xFF).bit_length()  # leading ones: bytes in all
    rest = head[5 : 4 + size]
    if not 2 <= size <= 7 or len(rest) < size - 1 or any(byte >> 6 != 2 for byte in rest):
        return None, 0
    number = lead & (0x7F >> size)
    for byte in rest:
        number = number << 6 | byte & 0x3F
    return number, 4 + size


def _crc(data: bytes, bits: int, polynomial: int, until_zero: int = 0) -> int:
    """Cyclic redundancy check; with ``until_zero``, 0 as soon as so many bytes and more give it.

    A frame with its own check gives 0, whatever follows it.
    """
    table = _table(bits, polynomial)
    shift = bits - 8
    mask = (1 << bits) - 1
    value = 0
    for count, byte in enumerate(data, 1):
        value = value << 8 & mask ^ table[value >> shift ^ byte]
        if until_zero and value == 0 and count >= until_zero:
            return 0
    return value


@cache
def _table(bits: int, polynomial: int) -> list[int]:
    table = []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> bits - 1 else 0)
            value &= (1 << bits) - 1
        table.append(value)
    return table
