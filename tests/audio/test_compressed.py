"""FLAC, Ogg and MPEG audio: every stream, every frame.

Lengths are ffmpeg 5.1's, but where it stops at the first of several streams.
"""

import io
import struct

import numpy as np
import pytest
import soundfile as sf

from audiodet.audio import audio_info
from audiodet.errors import AudioError
from tests.audio.made import (
    APE,
    HALVES,
    ID3,
    ID3_OLD,
    RATE,
    SWEEP,
    encoded,
    heard,
    noise,
    put,
)

FLAC = encoded("FLAC")
OGG = encoded("OGG", "VORBIS")
MP3 = encoded("MP3")
TAG = MP3.index(b"Xing") + 8  # where the number of frames stands
FRAMES = struct.unpack_from(">I", MP3, TAG)[0]
BARE = MP3[MP3.index(b"\xff\xfb", TAG) :]  # without the tag: FRAMES frames of 1152


def flac_with(total: int, content: bytes = FLAC) -> bytes:
    """FLAC whose header names another number of samples."""
    kept = int.from_bytes(content[21:26], "big") >> 36 << 36
    return content[:21] + (kept | total).to_bytes(5, "big") + content[26:]


def pair(kind: str) -> bytes:
    """Two files, one behind the other."""
    return encoded(kind, samples=HALVES[0]) + encoded(kind, samples=HALVES[1])


LOSSLESS = {  # bytes, words of the warning
    "as it should be": (FLAC, ""),
    "from a pipe": (flac_with(0), ""),
    "half": (flac_with(RATE), "the header promises 44,100 samples, 88,200 are there"),
    "100 more": (flac_with(2 * RATE + 100), "found 88200 samples, the header promises 88300"),
    "two": (pair("FLAC"), "2 FLAC streams one after another, all are read"),
    "a tag between": (
        encoded("FLAC", samples=HALVES[0]) + ID3 + encoded("FLAC", samples=HALVES[1]),
        "2 FLAC streams",
    ),
    "tags": (ID3 + FLAC + APE + ID3_OLD, ""),
    "from a pipe, a tag": (flac_with(0) + ID3_OLD, ""),
    "from a pipe, zeros": (flac_with(0) + bytes(9999), ""),
    "from a pipe, many zeros": (flac_with(0) + bytes(3 << 20), ""),
    "from a pipe, something": (flac_with(0) + noise(9999), ""),
    "something before": (noise(1000) + FLAC, "1,000 bytes before the recording, passed over"),
}


@pytest.mark.parametrize("case", LOSSLESS)
def test_the_whole_flac_is_heard(case, tmp_path):
    content, words = LOSSLESS[case]
    samples, said = heard(tmp_path / "a.flac", content)
    assert len(samples) == len(SWEEP) and words in said and (words or not said)
    np.testing.assert_allclose(samples, SWEEP, atol=4e-5)


def test_flac_without_a_frame(tmp_path):
    (tmp_path / "a.flac").write_bytes(FLAC[:200] + bytes(5000))
    with pytest.raises(AudioError, match="truncated, .* bytes of FLAC without a whole frame"):
        audio_info(tmp_path / "a.flac")


@pytest.mark.parametrize("rate, channels, subtype", [(8000, 1, "PCM_S8"), (96000, 8, "PCM_24")])
def test_flac_of_other_frames(rate, channels, subtype, tmp_path):
    """Frames whose headers have other forms; the last one is found by its checksum."""
    wave = np.random.default_rng(0).uniform(-0.9, 0.9, (300 * 4096 + 77, channels))[: 3 * rate]
    sf.write(tmp_path / "a.flac", wave, rate, subtype)
    content = (tmp_path / "a.flac").read_bytes()
    samples, said = heard(tmp_path / "b.flac", flac_with(0, content))
    assert len(samples) == len(wave) and said == ""


def flac_page_of_ogg() -> bytes:
    """FLAC in Ogg: pages of 30,000 bytes, by the mapping of RFC 5334."""
    first = b"\x7fFLAC\1\0\0\0" + FLAC[:42]
    rest = FLAC[42:]
    packets = [first] + [rest[i : i + 30000] for i in range(0, len(rest), 30000)]
    pages = []
    for number, packet in enumerate(packets):
        flags = 2 * (number == 0) | 4 * (number + 1 == len(packets))
        pages.append(page(packet, flags, number, 7))
    return b"".join(pages)


def page(body: bytes, flags: int, number: int, serial: int) -> bytes:
    """An Ogg page, its checksum calculated bit by bit."""
    lengths = bytes([255] * (len(body) // 255) + [len(body) % 255])
    head = struct.pack("<4sBBQIII", b"OggS", 0, flags, 0, serial, number, 0)
    whole = head + bytes([len(lengths)]) + lengths + body
    check = 0
    for byte in whole:
        check ^= byte << 24
        for _ in range(8):
            check = (check << 1 ^ (0x04C11DB7 if check >> 31 else 0)) & 0xFFFFFFFF
    return whole[:22] + struct.pack("<I", check) + whole[26:]


def test_flac_in_ogg(tmp_path):
    samples, said = heard(tmp_path / "a.ogg", flac_page_of_ogg())
    assert said == ""
    np.testing.assert_allclose(samples, SWEEP, atol=4e-5)


CHAIN = encoded("OGG", "VORBIS", HALVES[0]) + noise(300) + encoded("OGG", "VORBIS", HALVES[1])
OGGS = {
    "as it should be": (OGG, ""),
    "a chain": (pair("OGG"), "2 Ogg streams one after another, all are read"),
    "a chain with something between": (CHAIN, "2 Ogg streams"),
    "zeros behind": (OGG + bytes(99999), ""),
    "something behind": (OGG + noise(5000), ""),
    "a tag before": (ID3 + OGG, ""),
    "another stream at once": (
        page(b"fishead\0" + bytes(56), 2, 0, 7) + OGG + page(b"", 4, 1, 7),
        "",
    ),
}


@pytest.mark.parametrize("case", OGGS)
def test_the_whole_ogg_is_heard(case, tmp_path):
    content, words = OGGS[case]
    samples, said = heard(tmp_path / "a.ogg", content)
    assert len(samples) == len(SWEEP) and words in said and (words or not said)
    assert np.abs(samples - SWEEP)[2000:-2000].max() < 0.1


def test_a_chain_of_opus(tmp_path):
    file = io.BytesIO()
    sf.write(file, SWEEP[:48000], 48000, "OPUS", format="OGG")
    samples, said = heard(tmp_path / "a.opus", file.getvalue() * 2)
    assert len(samples) == 96000 and "2 Ogg streams" in said
    np.testing.assert_allclose(samples[:48000], samples[48000:], atol=1e-6)


def test_a_chain_of_one_and_two_channels(tmp_path):
    stereo = encoded("OGG", "VORBIS", np.stack([SWEEP, SWEEP], 1))
    samples, said = heard(tmp_path / "a.ogg", stereo + OGG + stereo)
    assert len(samples) == 3 * len(SWEEP) and "3 Ogg streams" in said
    assert np.abs(samples - np.tile(SWEEP, 3))[2000:-2000].max() < 0.2


def test_a_damaged_ogg_page_is_seen(tmp_path):
    """libsndfile plays over it; between two streams, where one was cut off, nothing is lost."""
    whole = encoded("OGG", "VORBIS", np.tile(SWEEP, 10))
    place = whole.rindex(b"OggS", 0, len(whole) // 2)
    (tmp_path / "a.ogg").write_bytes(put(whole, place + 500, "B", whole[place + 500] ^ 1))
    with pytest.raises(AudioError, match="damaged, an Ogg page before byte"):
        audio_info(tmp_path / "a.ogg")
    (tmp_path / "c.ogg").write_bytes(whole[:place] + whole[whole.index(b"OggS", place + 4) :])
    with pytest.raises(AudioError, match="damaged, Ogg pages before byte .* are missing"):
        audio_info(tmp_path / "c.ogg")
    samples, said = heard(tmp_path / "b.ogg", whole[: place + 500] + OGG)
    assert len(samples) > len(SWEEP) and "cut off, passed over" in said


MPEG = {  # bytes, samples, words of the warning
    "as it should be": (MP3, 2 * RATE, ""),
    "without a count": (BARE, 89856, ""),
    "half the count": (put(MP3, TAG, ">I", FRAMES // 2), 88751, "78 are there"),
    "no count": (put(MP3, TAG, ">I", 0), 88751, ""),
    "three more": (put(MP3, TAG, ">I", FRAMES + 3), 88751, "the header promises 92"),
    "two": (pair("MP3"), 2 * RATE, "2 mp3 streams one after another, all are read"),
    "two, the second without a count": (MP3 + BARE, 178607, "156 are there"),
    "tags": (ID3 + APE + MP3 + APE + ID3_OLD, 2 * RATE, ""),
    "tags between": (MP3 + ID3_OLD + ID3 + MP3, 4 * RATE, "2 mp3 streams"),
    "something before": (noise(3000) + MP3, 2 * RATE, "3,000 bytes before the recording"),
    "something behind": (MP3 + noise(3000), 2 * RATE, "3,000 bytes that are no sound"),
    "zeros around": (bytes(5000) + MP3 + bytes(5000), 2 * RATE, "5,000 bytes before"),
    "cut": (MP3[:-100], 87599, "ends within a frame"),
    "cut, without a count": (BARE[:-100], 88704, "ends within a frame"),
}


@pytest.mark.parametrize("case", MPEG)
def test_the_whole_mp3_is_heard(case, tmp_path, capfd):
    content, length, words = MPEG[case]
    samples, said = heard(tmp_path / "a.mp3", content)
    assert len(samples) == length and words in said and (words or not said)
    assert capfd.readouterr().err == ""  # mpg123 has nothing to complain of
    if length == 2 * RATE:
        assert np.abs(samples - SWEEP)[2000:-2000].max() < 0.1


def mp3_in_wav(content: bytes) -> bytes:
    form = struct.pack("<HHIIHH", 0x55, 1, RATE, 8000, 1, 0) + b"\x0c\0" + bytes(12)
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data"
    body = head + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("content, length", [(BARE, 89856), (MP3, 2 * RATE)])
def test_mp3_in_wav(content, length, tmp_path):
    samples, said = heard(tmp_path / "a.wav", mp3_in_wav(content))
    assert len(samples) == length and said == ""


def test_layer_2_of_a_varying_bit_rate(tmp_path):
    """Silent frames of 32 to 384 kbit/s: libsndfile guesses the length by the first one."""
    frames = b""
    for number in range(100):
        bits = 14 if number < 3 else 1 + number % 8
        size = 144 * (0, 32, 48, 56, 64, 80, 96, 112, 128)[bits % 14] * 1000 // 48000
        size = 144 * 384000 // 48000 if bits == 14 else size
        frames += bytes([0xFF, 0xFD, bits << 4 | 4, 0]).ljust(size, b"\0")
    samples, said = heard(tmp_path / "a.mp2", frames)
    assert len(samples) == 100 * 1152 and said == ""


@pytest.mark.parametrize("content", [FLAC, MP3, OGG, mp3_in_wav(MP3)])
def test_half_a_file_is_refused(content, tmp_path):
    (tmp_path / "a").write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError, match="truncated"):
        audio_info(tmp_path / "a")


def test_streams_of_two_rates(tmp_path):
    other = io.BytesIO()
    sf.write(other, SWEEP, 22050, format="FLAC")
    (tmp_path / "a.flac").write_bytes(FLAC + other.getvalue())
    with pytest.raises(AudioError, match="stream 2 has 22050 Hz, the first 44100 Hz"):
        audio_info(tmp_path / "a.flac")
