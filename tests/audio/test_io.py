"""Reading: against the sine that was written, and against soundfile's own samples."""

import os
import tracemalloc

import numpy as np
import pytest
import soundfile as sf

from audiodet.audio import audio_info, io, read_audio, read_blocks, recording
from audiodet.errors import AudioError

FREQUENCY, PHASE = 440.0, 0.7


def sine(rate, samples, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * FREQUENCY * np.arange(samples) / rate + PHASE)


def write(path, rate=8000, seconds=1.0, channels=1, **options):
    """A sine whose amplitude grows from channel to channel around a mean of 0.5."""
    gains = 0.5 + 0.04 * (np.arange(channels) - (channels - 1) / 2)
    wave = sine(rate, round(rate * seconds), 1.0)
    sf.write(path, wave[:, None] * gains, rate, **options)
    return str(path)


@pytest.mark.parametrize(
    "name, subtype, tolerance",
    [
        ("a.wav", "PCM_U8", 8e-3),
        ("a.wav", "PCM_16", 4e-5),
        ("a.wav", "PCM_24", 2e-6),
        ("a.wav", "PCM_32", 2e-6),
        ("a.wav", "FLOAT", 2e-6),
        ("a.wav", "DOUBLE", 2e-6),
        ("a.flac", "PCM_16", 4e-5),
        ("a.flac", "PCM_24", 2e-6),
        ("a.ogg", "VORBIS", 3e-2),
        ("a.mp3", "MPEG_LAYER_III", 3e-2),
    ],
)
def test_every_format_gives_back_the_sine(tmp_path, name, subtype, tolerance):
    path = write(tmp_path / name, rate=44100, channels=2, subtype=subtype)
    info = audio_info(path)
    assert (info.sample_rate, info.channels, info.samples, info.duration) == (44100, 2, 44100, 1.0)
    found = read_audio(path)
    assert found.dtype == np.float32 and found.shape == (44100,)
    inside = slice(1000, -1000)  # codecs smear the edges
    np.testing.assert_allclose(found[inside], sine(44100, 44100)[inside], atol=tolerance)


@pytest.mark.parametrize("channels", range(1, 9))
def test_channels_are_averaged(tmp_path, channels):
    path = write(tmp_path / "a.wav", channels=channels, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(path), sine(8000, 8000), atol=1e-6)


@pytest.mark.parametrize("source", [8000, 11025, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("target", [16000, 44100])
def test_resampling_keeps_frequency_phase_level_and_length(tmp_path, source, target):
    samples = source // 2 + 7
    sf.write(tmp_path / "a.wav", sine(source, samples), source, subtype="FLOAT")
    found = read_audio(tmp_path / "a.wav", target)
    assert len(found) == round(samples * target / source)
    inside = slice(target // 20, -target // 20)  # the filter rings where the sine is cut off
    np.testing.assert_allclose(found[inside], sine(target, len(found))[inside], atol=2e-4)


@pytest.mark.parametrize("samples, expected", [(1, 1), (999, 500), (1001, 500), (1003, 502)])
def test_half_samples_are_rounded_to_even(tmp_path, samples, expected):
    sf.write(tmp_path / "a.wav", sine(48000, samples), 48000)
    assert len(read_audio(tmp_path / "a.wav", 24000)) == expected
    assert sum(map(len, read_blocks(tmp_path / "a.wav", 24000, 0.001))) == expected


def test_resampling_does_not_alias(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 15000 * np.arange(44100) / 44100)
    sf.write(tmp_path / "a.wav", tone, 44100, subtype="FLOAT")
    assert np.abs(read_audio(tmp_path / "a.wav", 16000)[800:-800]).max() < 1e-4


@pytest.mark.parametrize("start, duration", [(0.0, 0.25), (0.1, 0.25), (0.123, None), (0.9, 9.0)])
def test_part_is_a_slice_of_the_file(tmp_path, start, duration):
    path = write(tmp_path / "a.wav", rate=44100)
    whole, first = sf.read(path, dtype="float32")[0], round(start * 44100)
    stop = len(whole) if duration is None else first + round(duration * 44100)
    part = read_audio(path, start=start, duration=duration)
    np.testing.assert_array_equal(part, whole[first:stop])


@pytest.mark.parametrize("source, target", [(44100, 16000), (8000, 44100), (48000, 44100)])
@pytest.mark.parametrize("seconds", [0.013, 0.1, 5.0])
def test_blocks_join_to_the_whole(tmp_path, monkeypatch, source, target, seconds):
    monkeypatch.setattr(io, "BLOCK_FRAMES", 4099)  # many decoded pieces
    path = write(tmp_path / "a.flac", rate=source, seconds=1.2345, channels=2)
    blocks = list(read_blocks(path, target, seconds))
    assert {len(block) for block in blocks[:-1]} <= {round(seconds * target)}
    whole = read_audio(path, target)
    assert sum(map(len, blocks)) == len(whole)
    np.testing.assert_allclose(np.concatenate(blocks), whole, atol=1e-5)


def test_blocks_keep_the_rate_when_none_is_asked_for(tmp_path):
    path = write(tmp_path / "a.wav", rate=11025)
    blocks = list(read_blocks(path, None, 0.3))
    np.testing.assert_array_equal(np.concatenate(blocks), sf.read(path, dtype="float32")[0])


def test_memory_does_not_grow_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(io, "BLOCK_FRAMES", 8192)
    peaks = []
    for seconds in (5, 60):
        path = write(tmp_path / f"{seconds}.wav", rate=16000, seconds=seconds)
        tracemalloc.start()
        for _ in read_blocks(path, 8000, 0.5):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


MORE_HALVES = {
    "half.ogg": {"subtype": "OPUS"},
    "half.aiff": {"subtype": "PCM_16"},
    "half.aifc": {"subtype": "FLOAT", "format": "AIFF"},
    "half.iff": {"format": "SVX"},
    "half.rf64": {"format": "RF64"},
    "half.w64": {"format": "W64"},
    "half.au": {"subtype": "PCM_24"},
    "half_little.au": {"subtype": "PCM_16", "endian": "LITTLE"},
    "half_big.wav": {"subtype": "PCM_16", "endian": "BIG"},
}


def broken_files(folder):
    """Files that must be refused -> words of the message."""
    cases = {"missing.wav": "no such file", "folder.wav": "a folder", "empty.wav": "0 bytes"}
    (folder / "folder.wav").mkdir()
    (folder / "empty.wav").touch()
    for name in ("text.wav", "text.mp3", "text.flac", "text.raw"):
        (folder / name).write_text("filename\tonset\n" * 50)
        cases[name] = "not audio"
    sf.write(folder / "zero.wav", np.zeros(0), 8000)
    cases["zero.wav"] = "0 samples, expected at least one"
    for name in ("half.wav", "half.flac", "half.mp3"):
        whole = write(folder / f"whole{name[4:]}", rate=44100, seconds=3.0)
        content = open(whole, "rb").read()
        (folder / name).write_bytes(content[: len(content) // 2])
        cases[name] = "truncated"
    for name, options in MORE_HALVES.items():
        whole = write(folder / f"whole_{name}", rate=48000, seconds=3.0, **options)
        content = open(whole, "rb").read()
        (folder / name).write_bytes(content[: len(content) // 2])
        cases[name] = "truncated"
    os.mkfifo(folder / "pipe.wav")
    cases["pipe.wav"] = "a pipe, socket or device, expected a file"
    sf.write(folder / "loud.wav", np.full(8000, 1e30), 8000, "FLOAT")
    cases["loud.wav"] = "8000 absurdly large samples, the first"
    return cases


@pytest.mark.parametrize("reader", [read_audio, lambda path: list(read_blocks(path, 16000, 1.0))])
def test_broken_files_are_refused_in_one_line(tmp_path, reader):
    for name, words in broken_files(tmp_path).items():
        with pytest.raises(AudioError, match=words) as error:
            reader(tmp_path / name)
        assert name in str(error.value) and "\n" not in str(error.value), name


def test_a_name_that_is_not_utf8(tmp_path):
    path = os.fsencode(write(tmp_path / "a.wav"))
    os.rename(path, path[:-5] + b"\xff.wav")
    assert len(read_audio(os.fsdecode(path[:-5] + b"\xff.wav"))) == 8000


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_bad_samples_are_counted_and_placed(tmp_path, monkeypatch, value):
    monkeypatch.setattr(io, "BLOCK_FRAMES", 1000)
    wave = np.zeros((8000, 2))
    wave[4000, 1] = wave[4001, 0] = value
    sf.write(tmp_path / "a.wav", wave, 8000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"2 NaN or infinite samples.* 0\.5000 s in channel 2"):
        read_audio(tmp_path / "a.wav")
    blocks = read_blocks(tmp_path / "a.wav", 8000, 0.25)
    assert len(next(blocks)) == 2000  # what stands before the bad samples is delivered
    with pytest.raises(AudioError, match="NaN"):
        list(blocks)


def test_absurd_samples_are_counted_and_placed(tmp_path):
    """Finite numbers that are no sound; what a program scaled to 16 bits is let through."""
    wave = np.full((8000, 2), 32768.0)
    sf.write(tmp_path / "a.wav", wave, 8000, subtype="FLOAT")
    assert read_audio(tmp_path / "a.wav").max() == 32768.0
    wave[4000, 1] = wave[4001, 0] = -1.1e6
    sf.write(tmp_path / "a.wav", wave, 8000, subtype="FLOAT")
    words = r"2 absurdly large samples, the first .-1\.1e\+06. at 0\.5000 s in channel 2.*at most"
    with pytest.raises(AudioError, match=words):
        read_audio(tmp_path / "a.wav")
    with pytest.raises(AudioError, match="array: 2 absurdly large"):
        io.as_mono(wave, 8000, 16000)


@pytest.mark.parametrize("start, duration", [(1.0, None), (-0.1, None), (0.0, 0.0), (0.5, -1.0)])
def test_part_outside_the_file(tmp_path, start, duration):
    path = write(tmp_path / "a.wav")
    words = "expected at least one sample" if duration is not None else "expected 0 to 1.000 s"
    with pytest.raises(AudioError, match=f"a.wav: .*{words}"):
        read_audio(path, start=start, duration=duration)


def test_file_without_permission(tmp_path, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(13, "Permission denied", path)

    path = write(tmp_path / "a.wav")
    monkeypatch.setattr(recording.os, "open", refuse)  # root may read everything
    with pytest.raises(AudioError, match="a.wav: cannot be read .Permission denied"):
        audio_info(path)


def test_mp3_without_frame_count_is_measured(tmp_path):
    """Quiet first, loud later at a varying bit rate: libsndfile guesses far too long."""
    noise = np.random.default_rng(0).normal(size=44100 * 4) * 0.2
    wave = np.concatenate([np.zeros(44100 * 4), noise, np.zeros(44100 * 16)])
    sf.write(tmp_path / "a.mp3", wave, 44100, bitrate_mode="VARIABLE", compression_level=0.5)
    content = (tmp_path / "a.mp3").read_bytes()
    tag = content.index(b"Xing")
    (tmp_path / "bare.mp3").write_bytes(content[content.index(b"\xff\xfb", tag) :])
    assert abs(sf.info(tmp_path / "bare.mp3").duration - 24.0) > 1.0  # what is guarded against
    info = audio_info(tmp_path / "bare.mp3")
    assert info.duration == pytest.approx(24.0, abs=0.06)
    assert len(read_audio(tmp_path / "bare.mp3")) == info.samples


def test_mp3_behind_an_id3_tag(tmp_path):
    content = open(write(tmp_path / "a.mp3", rate=44100), "rb").read()
    tag = b"ID3\x03\0\0\0\0\x10\0" + bytes(2048)  # 0x10 << 7 = 2048
    (tmp_path / "b.mp3").write_bytes(tag + content)
    np.testing.assert_array_equal(read_audio(tmp_path / "b.mp3"), read_audio(tmp_path / "a.mp3"))
    assert audio_info(tmp_path / "b.mp3").samples == 44100
    (tmp_path / "cut.mp3").write_bytes((tag + content)[: 2048 + len(content) // 2])
    with pytest.raises(AudioError, match="truncated"):
        read_audio(tmp_path / "cut.mp3")


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.flac", "a.ogg"])
def test_a_resource_fork_beside_a_recording(tmp_path, name):
    """macOS leaves it on other disks; libsndfile would take the pair for another format."""
    expected = read_audio(write(tmp_path / name, rate=44100))
    (tmp_path / f"._{name}").write_bytes(bytes.fromhex("0005160700020000") + bytes(4088))
    np.testing.assert_array_equal(read_audio(tmp_path / name), expected)


def test_the_wrong_axis_of_an_array_names_its_shape():
    with pytest.raises(AudioError, match=r"shape \(2, 8000\).*expected \(samples, channels\)"):
        io.as_mono(np.zeros((2, 8000)), 8000, 16000)
    assert io.as_mono(np.zeros((1, 8)), 8000, 8000).shape == (1,)  # the last piece of a stream


@pytest.mark.parametrize("rate", [0, 999, 1000001])
def test_an_array_of_a_rate_that_is_none(rate):
    with pytest.raises(AudioError, match=f"at {rate} Hz, expected .* a rate of 1000 to 1000000 Hz"):
        io.as_mono(np.zeros(8000), rate, 16000)
