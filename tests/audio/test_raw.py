"""A stream of samples that begins like a file."""

import numpy as np
import pytest

from audiodet.audio.raw import check_raw
from audiodet.errors import AudioError
from tests.audio.made import SWEEP, encoded, listening

FILES = {
    "FLAC": encoded("FLAC"),
    "Ogg": encoded("OGG"),
    "mp3": encoded("MP3"),
    "AAC": (b"\xff\xf1\x50\x80\x0d\x1f\xfc" + bytes(97)) * 3,  # frames of 104 bytes
    "MPEG-4": b"\0\0\0\x20ftypM4A " + bytes(100),
    "WebM": b"\x1aE\xdf\xa3" + bytes(100),
}


@pytest.mark.parametrize("kind", FILES)
def test_compressed_streams_are_refused(kind):
    with pytest.raises(AudioError, match=f"stdin: begins like {kind}.*, expected raw PCM"):
        check_raw(FILES[kind][:8000], "stdin")


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "AU"])
def test_a_header_is_said(kind):
    with listening() as texts:
        check_raw(encoded(kind)[:8000], "stdin")
    assert len(texts) == 1 and "which is heard as samples, expected raw PCM" in texts[0].replace(
        ";", ","
    )


@pytest.mark.parametrize("form", ["<i2", "<i4", "<f4"])
def test_samples_are_no_file(form):
    scale = {"i": 32767, "f": 1}[form[1]]
    with listening() as texts:
        for start in range(0, len(SWEEP) - 4000, 4000):
            check_raw((SWEEP[start : start + 4000] * scale).astype(form).tobytes(), "stdin")
        check_raw(b"", "stdin")
        check_raw(b"\xff\xf1" * 2000, "stdin")
        check_raw(np.zeros(4000, form).tobytes(), "stdin")
    assert texts == []
