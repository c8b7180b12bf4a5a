"""What a header promises is held against the file."""

import struct

import numpy as np
import pytest

from audiodet.audio import audio_info, read_audio
from audiodet.errors import AudioError
from tests.audio.test_io import MORE_HALVES, write


def test_a_header_alone_shows_a_truncated_wav(tmp_path, caplog):
    """0.1 s may be missing, which is said; more is refused, before anything is decoded."""
    content = open(write(tmp_path / "a.wav"), "rb").read()  # 44 bytes of header, 16000 of audio
    (tmp_path / "short.wav").write_bytes(content[:-1600])
    assert audio_info(tmp_path / "short.wav").samples == 7200
    assert caplog.messages == [
        f"{tmp_path / 'short.wav'}: found 7200 samples, the header promises 8000"
    ]
    (tmp_path / "cut.wav").write_bytes(content[:-1602])
    with pytest.raises(AudioError, match="truncated, found 7199 samples, the header promises 8000"):
        audio_info(tmp_path / "cut.wav")


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0xFFFFFFD8, 0x7FFFF000, 0x80000000, 0x7FFFFFFF])
def test_wav_from_a_pipe_ends_where_it_ends(tmp_path, size):
    content = bytearray(open(write(tmp_path / "a.wav"), "rb").read())
    content[4:8] = content[40:44] = struct.pack("<I", size)
    (tmp_path / "piped.wav").write_bytes(content)
    assert audio_info(tmp_path / "piped.wav").samples == 8000
    expected = read_audio(tmp_path / "a.wav")
    np.testing.assert_array_equal(read_audio(tmp_path / "piped.wav"), expected)


@pytest.mark.parametrize("size", [0x7FFFF001, 0x90000000, 0xF0000000, 0xFFFFFF00])
def test_sizes_of_2_to_4_gigabytes_are_promises(tmp_path, size):
    content = bytearray(open(write(tmp_path / "a.wav"), "rb").read())
    content[40:44] = struct.pack("<I", size)
    (tmp_path / "cut.wav").write_bytes(content)
    with pytest.raises(AudioError, match=f"truncated, .* promises {size // 2}"):
        audio_info(tmp_path / "cut.wav")


@pytest.mark.parametrize("name, options", MORE_HALVES.items())
def test_a_lost_end_is_seen(tmp_path, name, options, caplog):
    content = open(write(tmp_path / name, rate=48000, **options), "rb").read()
    assert audio_info(tmp_path / name).samples == 48000 and caplog.messages == []
    if "subtype" in options and options["subtype"] != "OPUS":
        (tmp_path / name).write_bytes(content[:-2])  # AIFF may end in a byte of padding
        assert audio_info(tmp_path / name).samples in (47999, 48000)
        assert len(read_audio(tmp_path / name)) in (47999, 48000)
    (tmp_path / name).write_bytes(content[: -len(content) // 4])
    with pytest.raises(AudioError, match="truncated"):
        audio_info(tmp_path / name)


def test_an_rf64_header_that_promises_a_day(tmp_path):
    path = tmp_path / "day.rf64"
    write(path, seconds=4.0, format="RF64", subtype="PCM_16")
    content = bytearray(path.read_bytes())
    place = content.index(b"ds64") + 16  # behind its own size and that of the file
    content[place : place + 8] = struct.pack("<Q", 24 * 3600 * 8000 * 2)
    path.write_bytes(content)
    with pytest.raises(AudioError, match="truncated, .* the header promises 691200000"):
        read_audio(path)


def with_sizes(name, content):
    """A recording's bytes as a program writes them that cannot go back to the header."""
    content = bytearray(content)
    if name.endswith("au"):
        content[8:12] = b"\xff" * 4
    elif name.endswith("aiff"):
        place = content.index(b"SSND") + 4
        content[place : place + 4] = struct.pack(">I", 0x7F000000 + 8)
    elif name.endswith("rf64"):
        place = content.index(b"ds64") + 16
        content[place : place + 8] = b"\xff" * 8
    else:
        place = content.index(b"data") + 16
        content[place : place + 8] = struct.pack("<Q", (1 << 63) - 1)
    return content


@pytest.mark.parametrize("name", ["a.au", "a.aiff", "a.rf64", "a.w64"])
def test_a_recording_from_a_pipe_ends_where_it_ends(tmp_path, name):
    path = tmp_path / name
    content = open(write(path, format=name[2:].upper(), subtype="PCM_16"), "rb").read()
    expected = read_audio(path)
    path.write_bytes(with_sizes(name, content))
    np.testing.assert_array_equal(read_audio(path), expected)


def test_wav_with_an_odd_chunk_before_the_samples(tmp_path):
    content = open(write(tmp_path / "a.wav"), "rb").read()
    chunk = b"note" + struct.pack("<I", 5) + b"hello" + b"\0"  # odd sizes are padded by one byte
    (tmp_path / "b.wav").write_bytes(content[:36] + chunk + content[36:])
    assert audio_info(tmp_path / "b.wav").samples == 8000
    (tmp_path / "cut.wav").write_bytes((content[:36] + chunk + content[36:])[:-2000])
    with pytest.raises(AudioError, match="truncated"):
        audio_info(tmp_path / "cut.wav")
