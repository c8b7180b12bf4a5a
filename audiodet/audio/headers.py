"""What the first and last bytes of a recording promise, where libsndfile does not tell."""

import os
import re
import stat
import struct

from audiodet.errors import AudioError

# Sizes from here on mean "written to a pipe": 32-bit wav, 32-bit AIFF (SoX), 64-bit.
UNKNOWN_WAV = 0x7FFFF000
UNKNOWN_AIFF = 0x7EFF0000
UNKNOWN_64 = 1 << 62
OGG_PAGE = 65307  # bytes of the longest page
OGG_HEADER = 27  # bytes before its table of lengths
OGG_LAST = 0x04  # flag of the last page


def checked_head(path: str) -> bytes:
    """First 12 bytes of a regular file that is readable, not empty and not seen to be truncated.

    Raises:
        AudioError: one of these does not hold.
    """
    try:
        _check_kind(path, os.stat(path).st_mode)
        with open(path, "rb") as stream:
            head = stream.read(12)
            size = os.fstat(stream.fileno()).st_size
            promised = PROMISES[head[:4]](stream) if head[:4] in PROMISES else 0
            closed = head[:4] != b"OggS" or _ogg_is_closed(stream, size)
    except FileNotFoundError:
        raise AudioError(f"{path}: no such file, expected a recording") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror})") from None
    if size == 0:
        raise AudioError(f"{path}: 0 bytes, expected a recording")
    if promised > size:
        raise AudioError(f"{path}: truncated, {size} bytes, the header promises {promised}")
    if not closed:
        raise AudioError(
            f"{path}: truncated, {size} bytes without a last page, expected one with the "
            "end-of-stream flag"
        )
    return head


def _check_kind(path: str, mode: int) -> None:
    """Raise for what is no regular file: opening a pipe would wait for a writer for ever."""
    if stat.S_ISDIR(mode):
        raise AudioError(f"{path}: a folder, expected a recording")
    if not stat.S_ISREG(mode):
        raise AudioError(f"{path}: a pipe, socket or device, expected a file with a recording")


def _chunk_end(stream, order: str, wanted: tuple, unknown: int) -> int:
    """End of the samples of a file of chunks, whose sizes have 32 bits in ``order``.

    Args:
        stream: stands at the first chunk.
        order: "<" or ">".
        wanted: names of the chunk that holds samples.
        unknown: sizes from here on say nothing; then those of a ds64 chunk (RF64) count.

    Returns:
        the byte after the samples, 0 when the header does not say.
    """
    long_size = UNKNOWN_64
    while len(chunk := stream.read(8)) == 8:
        name, size = struct.unpack(f"{order}4sI", chunk)
        if name in wanted:
            size = size if size < unknown else long_size
            return stream.tell() + size if size < UNKNOWN_64 else 0
        start = stream.tell()
        if name == b"ds64" and len(sizes := stream.read(16)) == 16:
            long_size = struct.unpack("<8xQ", sizes)[0]
        stream.seek(start + size + size % 2)
    return 0


def _wav_end(stream) -> int:
    return _chunk_end(stream, "<", (b"data",), UNKNOWN_WAV)


def _rifx_end(stream) -> int:
    return _chunk_end(stream, ">", (b"data",), UNKNOWN_WAV)


def _iff_end(stream) -> int:
    """Of AIFF, AIFF-C and 8SVX."""
    return _chunk_end(stream, ">", (b"SSND", b"BODY"), UNKNOWN_AIFF)


def _w64_end(stream) -> int:
    """Chunks of Wave64: a GUID, and a 64-bit size that counts these 24 bytes."""
    stream.seek(40)
    while len(chunk := stream.read(24)) == 24:
        name, size = struct.unpack("<4s12xQ", chunk)
        if not 24 <= size < UNKNOWN_64:
            return 0
        if name == b"data":
            return stream.tell() + size - 24
        stream.seek(-(-size // 8) * 8 - 24, os.SEEK_CUR)
    return 0


def _au_end(stream, order: str = ">") -> int:
    stream.seek(4)
    begin, size = struct.unpack(f"{order}II", stream.read(8).ljust(8, b"\0"))
    return begin + size if size != 0xFFFFFFFF else 0


# First bytes -> the byte at which the header says that the samples end, 0 when it does not say.
PROMISES = {
    b"RIFF": _wav_end,
    b"RIFX": _rifx_end,
    b"RF64": _wav_end,
    b"riff": _w64_end,
    b"FORM": _iff_end,
    b".snd": _au_end,
    b"dns.": lambda stream: _au_end(stream, "<"),
}


def _ogg_is_closed(stream, size: int) -> bool:
    """Whether the last page of an ogg is whole and says that it is the last."""
    stream.seek(max(0, size - 2 * OGG_PAGE))
    tail = stream.read()
    page = tail[tail.rfind(b"OggS\0") :]
    if len(page) < OGG_HEADER or not page[5] & OGG_LAST:
        return False
    lengths = page[OGG_HEADER : OGG_HEADER + page[OGG_HEADER - 1]]
    return len(page) >= OGG_HEADER + page[OGG_HEADER - 1] + sum(lengths)


def mp3_has_count(path: str) -> bool:
    """Whether an mp3 says how many frames it has, by a Xing, Info or VBRI tag.

    Without one, libsndfile guesses the length from the size of the file.
    """
    with open(path, "rb") as stream:
        head = stream.read(10)
        if head[:3] == b"ID3":  # skip the ID3 tag: its size is four 7-bit bytes
            size = sum(byte << 7 * (3 - place) for place, byte in enumerate(head[6:10]))
            stream.seek(10 + size)
        return re.search(rb"Xing|Info|VBRI", head + stream.read(200)) is not None
