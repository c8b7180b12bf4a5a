"""What bytes begin like, where a file of another kind or plain samples were expected."""

import numpy as np

from audiodet.audio import mpeg
from audiodet.audio.limits import Limits
from audiodet.audio.notes import tell
from audiodet.audio.source import Source
from audiodet.errors import AudioError

HEADERS = {b"RIFF": "wav", b"RIFX": "wav", b"RF64": "wav", b"FORM": "AIFF", b".snd": "AU"}
COMPRESSED = {
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
    b"ID3": "mp3",
    b"\x1aE\xdf\xa3": "WebM or Matroska",
    b"wvpk": "WavPack",
    b"caff": "CAF",
    b"MAC ": "Monkey's Audio",
    b"0&\xb2u": "Windows Media",
    b"#!AMR": "AMR",
}
MPEG_4 = b"ftyp"  # behind a size
LISTEN = 10.0  # seconds after which is said what limits a stream, which may have no end


class StreamLimits(Limits):
    """What limits a stream of plain samples."""

    def __init__(self, name: str, rate: int):
        super().__init__(name, rate, rate)
        self._has_begun = False
        self._listen = round(LISTEN * rate)  # frames until then

    def begin(self, data: bytes) -> None:
        """Look at the first bytes, see :func:`check_raw`."""
        if not self._has_begun:
            self._has_begun = True
            check_raw(data, self.name)

    def hear(self, samples: np.ndarray) -> None:
        super().hear(samples)
        if 0 < self._listen <= len(samples):
            self.warn()
        self._listen -= len(samples)


def check_raw(head: bytes, name: str) -> None:
    """Refuse a stream that begins like compressed sound; warn of a header before plain samples.

    Args:
        head: its first bytes.

    Raises:
        AudioError: they begin a compressed file.
    """
    kind = compressed_kind(head)
    if mpeg.begins(Source(-1, [(0, len(head), head)]), 0):
        kind = "mp3"
    if kind:
        raise AudioError(
            f"{name}: begins like {kind}, expected raw PCM; decode it first, as "
            "ffmpeg -i FILE -f s16le - does"
        )
    kind = _begins_with(HEADERS, head)
    if kind:
        text = f"begins with a header of {kind}, which is heard as samples; expected raw PCM"
        tell(name, "begin with a header", text)


def compressed_kind(head: bytes) -> str:
    """What compressed kind of file begins with these bytes; "" where it is not known."""
    if _is_adts(head) and _is_adts(head[_adts_size(head) :]):
        return "AAC"
    return "MPEG-4" if head[4:8] == MPEG_4 else _begins_with(COMPRESSED, head)


def _is_adts(head: bytes) -> bool:
    return len(head) > 6 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0 and _adts_size(head) > 7


def _adts_size(head: bytes) -> int:
    """Bytes of a frame of AAC."""
    return int.from_bytes(head[3:6], "big") >> 5 & 0x1FFF


def _begins_with(kinds: dict[bytes, str], head: bytes) -> str:
    for words, kind in kinds.items():
        if head.startswith(words):
            return kind
    return ""
