"""Plain samples in chunks: what lies behind the promised end decides.

Lengths are ffmpeg 5.1's, but where it believes a header that says too little, or hears the first of
several files or chunks alone.
"""

import struct
import tracemalloc

import numpy as np
import pytest

from audiodet.audio import audio_info, read_audio, read_blocks
from audiodet.errors import AudioError
from tests.audio.made import APE, CHUNK, ID3, ID3_OLD, RATE, SWEEP, encoded, heard, noise, put

BYTES = 4 * RATE  # of SWEEP's samples
WAV = encoded("WAV", "PCM_16")
HALF = put(WAV, 40, "<I", BYTES // 2)
SECOND = b"data" + struct.pack("<I", BYTES // 2) + WAV[44 + BYTES // 2 :]

# name -> (bytes, words of the warning)
WHOLE = {
    "as it should be": (WAV, ""),
    "never finished": (put(WAV, 40, "<I", 0), "never finished, 176,400 bytes more follow"),
    "both sizes 0": (put(put(WAV, 4, "<I", 0), 40, "<I", 0), "never finished"),
    "half": (HALF, "promises 88,200 bytes of samples, 88,200 bytes more follow, all are read"),
    "44 bytes more": (put(WAV, 40, "<I", BYTES + 44), "found 88200 samples, the header promises"),
    "two chunks": (HALF[: 44 + BYTES // 2] + SECOND, "in several chunks, all are read"),
    "a list between": (HALF[: 44 + BYTES // 2] + CHUNK + SECOND, "in several chunks"),
    "BW64": (b"BW64" + encoded("RF64", "PCM_16")[4:], ""),
    "tags": (ID3 + WAV + APE + ID3_OLD, ""),
    "a list behind": (WAV + CHUNK, ""),
    "a list that is cut off": (WAV + CHUNK[:-2], ""),
    "zeros behind": (WAV + bytes(5000), "5,000 zero bytes behind the samples, passed over"),
    "something behind": (WAV + noise(500), "500 bytes behind the samples, passed over"),
    "something before": (noise(1000) + WAV, "1,000 bytes before the recording, passed over"),
}


@pytest.mark.parametrize("case", WHOLE)
def test_the_whole_wav_is_heard(case, tmp_path):
    content, words = WHOLE[case]
    samples, said = heard(tmp_path / "a.wav", content)
    assert len(samples) == len(SWEEP) and words in said and (words or not said)
    np.testing.assert_allclose(samples, SWEEP, atol=4e-5)


def offset(kind: str, content: bytes) -> tuple[int, str]:
    """Where the size of the samples stands, and how."""
    places = {"W64": (b"data", 16, "<Q"), "CAF": (b"data", 4, ">Q"), "AIFF": (b"SSND", 4, ">I")}
    places |= {"AU": (b".snd", 8, ">I"), "RF64": (b"ds64", 16, "<Q"), "WAV": (b"data", 4, "<I")}
    name, more, form = places[kind]
    return content.index(name) + more, form


@pytest.mark.parametrize("kind", ["WAV", "RF64", "W64", "CAF", "AIFF", "AU"])
@pytest.mark.parametrize("size", [lambda size: 0, lambda size: size // 2, lambda size: size + 1000])
@pytest.mark.parametrize("form", ["PCM_16", "PCM_24", "FLOAT", "ULAW"])
def test_a_wrong_size(kind, size, form, tmp_path):
    """Of every container and kind of sample: the samples that are there, and a word about it."""
    content = encoded(kind, form)
    expected, _ = heard(tmp_path / "good", content)
    place, number = offset(kind, content)
    size = size(struct.unpack_from(number, content, place)[0])
    samples, said = heard(tmp_path / "bad", put(content, place, number, size))
    np.testing.assert_array_equal(samples, expected)
    assert said or size == 0  # which stands for none in RF64


@pytest.mark.parametrize("form", ["IMA_ADPCM", "MS_ADPCM"])
def test_compressed_wavs(form, tmp_path):
    content = encoded("WAV", form)
    expected, _ = heard(tmp_path / "good", content)
    place, number = offset("WAV", content)
    samples, said = heard(tmp_path / "bad", put(content, place, number, 0))
    np.testing.assert_array_equal(samples, expected)
    assert "never finished" in said


def test_two_files_in_one(tmp_path):
    samples, said = heard(tmp_path / "a.wav", WAV + CHUNK + WAV)
    np.testing.assert_allclose(samples, np.tile(SWEEP, 2), atol=4e-5)
    assert "another recording follows in the same file, both are read" in said


def sparse(path, kind: bytes, seconds: int, wrong: int = 0, tail: bytes = b"") -> None:
    """A stereo wav or AIFF of zeros, with ones in its last second and after 16 minutes."""
    size = seconds * RATE * 4
    order = ">" if kind == b"FORM" else "<"
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 2, RATE, 4 * RATE, 4, 16) + b"data"
    if kind == b"FORM":
        rate = b"\x40\x0e\xac\x44" + bytes(6)  # 44,100 as an 80-bit float
        head = b"AIFFCOMM" + struct.pack(">IHIH", 18, 2, size // 4, 16) + rate + b"SSND"
    lead = bytes(8) if kind == b"FORM" else b""
    promised = (size + len(lead) + wrong) % (1 << 32)
    with open(path, "wb") as file:
        file.write(kind + bytes(4) + head + struct.pack(f"{order}I", promised) + lead)
        start = file.tell()
        file.seek(start + 1000 * 4 * RATE)
        file.write(b"\1")
        file.seek(start + size - 4 * RATE)
        file.write(struct.pack(f"{order}h", 1 << 14) * (2 * RATE) + tail)


@pytest.mark.parametrize("kind", [b"RIFF", b"FORM"])
@pytest.mark.parametrize("wrong, tail", [(0, b""), (0, b"NAME\0\0\0\0"), (44, b""), (-9999, b"")])
def test_a_size_that_has_wrapped_at_4_gigabytes(kind, wrong, tail, tmp_path):
    """7 h of which the header names 14 minutes: where one listens, there are the last samples."""
    path = tmp_path / "a"
    sparse(path, kind, 25200, wrong, tail)
    assert audio_info(path).samples == 25200 * RATE
    end = read_audio(path, start=25198.0)
    assert len(end) == 2 * RATE and end[: RATE - 1].max() == 0 and end[RATE + 1 :].min() == 0.5


@pytest.mark.parametrize("size", [0xC0000000, 1 << 31 | 1 << 20, 0x70000000])
def test_large_promises_are_held_against_the_file(size, tmp_path):
    (tmp_path / "a.wav").write_bytes(put(WAV, 40, "<I", size))
    with pytest.raises(AudioError, match="truncated, found 88200 samples, the header promises"):
        audio_info(tmp_path / "a.wav")


def wav_of(code: int, rate: int, channels: int, samples: bytes) -> bytes:
    form = struct.pack("<HHIIHH", code, channels, rate, rate * channels, channels, 8)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(samples))
    return b"RIFF" + struct.pack("<I", len(body) + len(samples)) + body + samples


@pytest.mark.parametrize("rate, fine", [(1, 0), (999, 0), (1000, 1), (10**6, 1), (10**6 + 1, 0)])
def test_rates_that_are_none(rate, fine, tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_of(1, rate, 1, bytes([128]) * 22000))
    if fine:
        assert audio_info(tmp_path / "a.wav").samples == 22000
        return
    with pytest.raises(AudioError, match=f"a rate of {rate} Hz, expected 1000 to 1000000 Hz"):
        audio_info(tmp_path / "a.wav")


def test_a_rate_makes_no_memory(tmp_path, monkeypatch):
    """Pieces are counted in samples after resampling and of all channels: 88 s at 1 kHz."""
    (tmp_path / "a.wav").write_bytes(wav_of(1, 1000, 2, bytes([128]) * 176000))
    tracemalloc.start()
    total = sum(len(block) for block in read_blocks(tmp_path / "a.wav", 44100, 0.5))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 88 * 44100 and peak < 12e6
