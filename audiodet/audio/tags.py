"""What tagging programs put before and behind recordings of any format."""

import struct

from audiodet.audio.source import Source

ID3_HEADER = 10
ID3_OLD = 128  # ID3v1, at the end
ID3_LONG = 227  # its extension, before it
APE_HEADER = 32
LYRICS = b"LYRICSBEGIN"


def behind_tag(source: Source, place: int) -> int:
    """The byte behind the tag that begins at ``place``; ``place`` where none does."""
    head = source.read_at(place, APE_HEADER)
    rest = source.size - place
    if head[:3] in (b"ID3", b"3DI") and len(head) >= ID3_HEADER and max(head[6:10]) < 0x80:
        size = sum(byte << 7 * (3 - i) for i, byte in enumerate(head[6:10]))  # 7 bits each
        footer = ID3_HEADER if head[5] & 0x10 else 0
        return min(source.size, place + ID3_HEADER + size + footer)
    if head[:3] == b"TAG" and rest >= ID3_OLD:
        return place + (ID3_LONG if head[3:4] == b"+" and rest >= ID3_LONG else ID3_OLD)
    if head[:8] == b"APETAGEX" and len(head) == APE_HEADER:
        size, _, flags = struct.unpack("<3I", head[12:24])
        header = APE_HEADER if flags & 0x20000000 else 0  # else this is the footer
        return min(source.size, place + (size + header if header else APE_HEADER))
    if head.startswith(LYRICS):
        end = source.find(b"LYRICS200", place)
        return end + 9 if end >= 0 else place
    return place


def behind_tags(source: Source, place: int) -> int:
    """The byte behind all tags that follow each other from ``place`` on."""
    while (after := behind_tag(source, place)) > place:
        place = after
    return place


def without_tags(source: Source) -> Source:
    """A source without ID3 and APE tags before, and ID3v1 and APE tags behind."""
    end = source.size
    while (before := _before_tag(source, end)) < end:
        end = before
    start = behind_tags(source, 0)
    return source if (start, end) == (0, source.size) else source.part(start, max(start, end))


def _before_tag(source: Source, end: int) -> int:
    """The byte at which the tag that ends at ``end`` begins; ``end`` where none does."""
    if source.read_at(end - ID3_OLD, 3) == b"TAG" and end >= ID3_OLD:
        long = source.read_at(end - ID3_OLD - ID3_LONG, 4) == b"TAG+" and end > ID3_OLD + ID3_LONG
        return end - ID3_OLD - (ID3_LONG if long else 0)
    footer = source.read_at(end - APE_HEADER, APE_HEADER) if end >= APE_HEADER else b""
    if footer[:8] == b"APETAGEX":
        size, _, flags = struct.unpack("<3I", footer[12:24])
        return max(0, end - size - (APE_HEADER if flags & 0x80000000 else 0))
    if source.read_at(end - 9, 9) == b"LYRICS200" and end >= 15:
        size = source.read_at(end - 15, 6)
        return max(0, end - 15 - int(size)) if size.isdigit() else end
    return end
