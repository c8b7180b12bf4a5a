"""``audiodet stream``: the same events, as soon as it says."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest

from audiodet.cli import main
from audiodet.errors import AudioError, ConfigError
from audiodet.inference.stream import detect_stream, read_pcm, stream_detector
from tests.inference.sounds import bursts, sound
from tests.inference.test_detector import TIMES, LoudTones
from tests.tiny import RATE


@pytest.mark.parametrize("delay", [3.0, 5.0])
@pytest.mark.parametrize("rate", [RATE, 44100])
def test_events_come_within_the_delay(delay, rate, model):
    """All of them, also where a benchmark's protocol keeps one event a clip."""
    cfg = model.cfg.clone()
    cfg.defrost()
    cfg.TEST.BEST_EVENT_PER_CLIP = True
    detector = stream_detector(LoudTones(cfg), None, delay)
    come = 0.0

    def pieces():
        nonlocal come
        wave = bursts(26.0, TIMES, rate).astype(np.float32)
        for start in range(0, len(wave), rate // 4):
            come = min(start + rate // 4, len(wave)) / rate
            yield wave[start : start + rate // 4]

    onsets = []
    for event in detect_stream(detector, pieces(), rate):
        assert come - event.offset <= delay
        onsets.append(event.onset)
    assert onsets == pytest.approx(TIMES, abs=detector.grid.cell / RATE)


def test_a_delay_that_is_too_short(model):
    with pytest.raises(ConfigError, match="expected 0 to"):
        stream_detector(LoudTones(model.cfg), None, 0.5)


@pytest.mark.parametrize("form, scale", [("s16le", 32768), ("s32le", 2**31), ("f32le", 1)])
def test_samples_of_every_format_and_channel(form, scale):
    kind = {"s16le": "<i2", "s32le": "<i4", "f32le": "<f4"}[form]
    wave = np.stack([sound(1.0), np.zeros(RATE)], 1)
    data = (wave * scale).astype(kind).tobytes()
    found = np.concatenate(list(read_pcm(io.BytesIO(data), RATE, 2, form)))
    np.testing.assert_allclose(found, wave.mean(1), atol=2e-5)
    assert found.dtype == np.float32


def stream(monkeypatch, capfd, data, *options):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    capfd.readouterr()
    code = main(["stream", "--device", "cpu", *options])
    return code, *capfd.readouterr()


def test_the_command_prints_json_lines(checkpoint, monkeypatch, capfd):
    data = (sound(9.0) * 32767).astype("<i2").tobytes()
    options = ("--sample-rate", str(RATE), "--model", checkpoint, "--delay", "3")
    code, said, told = stream(monkeypatch, capfd, data, *options)
    events = [json.loads(line) for line in said.splitlines()]
    assert code == 0 and told == "" and len(events) > 5
    assert set(events[0]) == {"onset", "offset", "event_label", "score"}
    assert all(0 <= e["onset"] < e["offset"] <= 9.0 for e in events)


def test_streams_that_end_badly(checkpoint, monkeypatch, capfd):
    options = ("--sample-rate", str(RATE), "--model", checkpoint)
    assert stream(monkeypatch, capfd, b"", *options) == (0, "", "")
    assert stream(monkeypatch, capfd, bytes(100), *options) == (0, "", "")
    code, _, told = stream(monkeypatch, capfd, bytes(2 * RATE + 1), *options)
    assert code == 0 and "stdin ends with 1 bytes, expected whole frames of 2 bytes" in told
    nan = np.full(RATE, np.nan, "<f4").tobytes()
    code, said, told = stream(monkeypatch, capfd, nan, "--sample-format", "f32le", *options)
    assert code == 1 and told.startswith("error: stdin: 4000 NaN") and told.count("\n") == 1


def pieces_of(data, form="s16le"):
    return list(read_pcm(io.BytesIO(data), RATE, 1, form))


def test_a_stream_that_begins_like_a_file():
    with pytest.raises(AudioError, match="stdin: begins like FLAC, expected raw PCM"):
        pieces_of(b"fLaC" + bytes(10000))
    assert sum(map(len, pieces_of(bytes(10000) + b"fLaC"))) == 5002


def test_what_limits_a_stream_is_said_while_it_goes_on(caplog):
    """After 10 s, and what comes later at its end, each once."""
    dice = np.random.default_rng(0).integers(-32768, 32768, 12 * RATE).astype("<i2").tobytes()
    pieces = read_pcm(io.BytesIO(dice + bytes(4 * RATE)), RATE, 1, "s16le")
    for _ in range(41):
        next(pieces)
    assert len(caplog.messages) == 1 and "samples like dice at full scale" in caplog.messages[0]
    list(pieces)
    assert len(caplog.messages) == 2 and "2.0 s of nothing but zeros" in caplog.messages[1]
