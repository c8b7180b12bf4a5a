"""What the first bytes of a recording promise, where libsndfile does not tell."""
import os
import re
import struct

from audiodet.errors import AudioError

UNKNOWN_SIZE = 0x7FFFF000  # wav data sizes from here on mean "written to a pipe"


def checked_head(path: str) -> bytes:
    """First 12 bytes of a file that exists, may be read, is not empty and not a truncated wav.

    Raises:
        AudioError: one of these does not hold.
    """
    try:
        with open(path, "rb") as stream:
            head = stream.read(12)
            size = os.fstat(stream.fileno()).st_size
            promised = _wav_data_end(stream) if head[:4] == b"RIFF" else 0
    except FileNotFoundError:
        raise AudioError(f"{path}: no such file, expected a recording") from None
    except IsADirectoryError:
        raise AudioError(f"{path}: a folder, expected a recording") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror})") from None
    if size == 0:
        raise AudioError(f"{path}: 0 bytes, expected a recording")
    if promised > size:
        raise AudioError(f"{path}: truncated, {size} bytes, the header promises {promised}")
    return head


def _wav_data_end(stream) -> int:
    """Byte at which a wav header says that the samples end; 0 when it does not say."""
    while len(chunk := stream.read(8)) == 8:
        name, size = struct.unpack("<4sI", chunk)
        if name == b"data":
            return stream.tell() + size if size < UNKNOWN_SIZE else 0
        stream.seek(size + size % 2, os.SEEK_CUR)
    return 0


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
