"""Recordings that are broken, odd or oddly named, through ``audiodet detect``."""

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr

from audiodet.inference import reading
from tests.audio.test_io import broken_files
from tests.inference.conftest import rows, silence
from tests.inference.sounds import sound
from tests.permissions import obey_permissions
from tests.tiny import RATE

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(detect, tmp_path):
    """Runs on inputs -> (exit code, rows by file name, reasons of failure by file name)."""

    def start(*inputs):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        code, said, _ = detect(*inputs, "-o", out)
        assert said == ""
        errors, events = {}, {}
        if (out / "errors.tsv").exists():
            errors = {os.path.basename(name): reason for name, reason in rows(out / "errors.tsv")}
        if (out / "audiodet_events.tsv").exists():
            for name, *cells in rows(out / "audiodet_events.tsv"):
                events.setdefault(os.path.basename(name), []).append(cells)
        return code, events, errors

    return start


def test_malformed_files(run, tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    cases = broken_files(files)
    sf.write(files / "nan.wav", np.full(RATE, np.nan), RATE, "FLOAT")
    sf.write(files / "short.wav", np.zeros(100), RATE)
    sf.write(files / "good.wav", sound(2.0), RATE)
    cases |= {"nan.wav": "NaN", "short.wav": "100 samples at 16000 Hz, expected at least 512"}
    del cases["folder.wav"]  # a folder is searched
    code, events, errors = run(*(files / name for name in [*cases, "good.wav"]))
    assert code == 3 and set(events) == {"good.wav"} and set(errors) == set(cases)
    for name, words in cases.items():
        assert words in errors[name], name


def test_a_header_that_promises_24_hours(run, tmp_path):
    silence(tmp_path / "day.wav", 2.0, 8000)
    content = bytearray((tmp_path / "day.wav").read_bytes())
    content[40:44] = struct.pack("<I", 24 * 3600 * 8000 * 2)
    (tmp_path / "day.wav").write_bytes(content)
    silence(tmp_path / "day.flac", 2.0, 8000)
    content = bytearray((tmp_path / "day.flac").read_bytes())
    total = (24 * 3600 * 8000).to_bytes(5, "big")  # the lower 32 of 36 bits, behind 4 bits
    content[22:26] = total[1:]
    (tmp_path / "day.flac").write_bytes(content)
    assert sf.info(tmp_path / "day.flac").duration == 24 * 3600
    code, events, errors = run(tmp_path / "day.wav", tmp_path / "day.flac")
    assert code == 3 and events == {}
    assert "truncated" in errors["day.wav"] and "truncated" in errors["day.flac"]


@pytest.mark.parametrize(
    "name",
    [
        b"with space.wav",
        b"tab\tbed.wav",
        b"new\nline.wav",
        b"not\xffutf8\xe9.wav",
        b"-o.wav",
        "käfer 鳥.wav".encode(),
        b'quo"te,comma.wav',
    ],
)
def test_odd_names(name, detect, run, tmp_path):
    from audiodet.names import printable

    folder = os.fsencode(tmp_path) + b"/files"
    os.mkdir(folder)
    sf.write(tmp_path / "plain.wav", sound(2.0), RATE)
    os.rename(tmp_path / "plain.wav", folder + b"/" + name)
    with open(folder + b"/bad " + name, "wb") as file:
        file.write(b"no sound")
    code, events, errors = run(tmp_path / "files")
    shown = printable(os.fsdecode(name))
    assert code == 3 and set(events) == {shown} and set(errors) == {f"bad {shown}"}
    assert len(events[shown]) > 1 and "not audio" in errors[f"bad {shown}"]
    formats = "tsv,csv,jsonl,audacity,raven,rttm,parquet"
    everything = (tmp_path / "files", "-o", tmp_path / "all", "--format", formats)
    assert detect(*everything)[0] == detect(*everything, "--resume")[0] == 3
    assert detect(tmp_path / "files", "-o", "-", "--format", "csv")[0] == 3


def test_warnings_are_a_table(detect, tmp_path):
    """Of a run that is resumed too; it goes when there are none."""
    folder = tmp_path / "files"
    folder.mkdir()
    silence(folder / "slow.wav", 2.0, 8000)
    sf.write(folder / "whole.wav", sound(2.0), RATE)
    table = tmp_path / "out" / "warnings.tsv"
    assert detect(folder, "-o", tmp_path / "out")[0] == 0
    found = rows(table)
    assert [name for name, _ in found] == [str(folder / "slow.wav")] * 2
    assert {text.partition(",")[0] for _, text in found} == {
        "sampled at 8000 Hz",
        "2.0 s of nothing but zeros",
    }
    assert detect(folder, "-o", tmp_path / "out", "--resume")[0] == 0 and rows(table) == found
    assert detect(folder / "whole.wav", "-o", tmp_path / "one")[0] == 0
    assert not (tmp_path / "one" / "warnings.tsv").exists()


@pytest.mark.parametrize("rate", [8000, 192000])
@pytest.mark.parametrize("channels", range(1, 9))
def test_rates_and_channels(rate, channels, run, tmp_path):
    """The sound has nothing above 4 kHz, so its events are the same at any rate.

    But for those that noise just below 4 kHz decides, which 8 kHz cannot hold whole.
    """
    wave = sound(3.0)
    sf.write(tmp_path / "plain.wav", wave, RATE, "FLOAT")
    other = soxr.resample(wave, RATE, rate, quality="VHQ")
    gains = np.linspace(0.5, 1.5, channels) if channels > 1 else np.ones(1)
    sf.write(tmp_path / "other.wav", other[:, None] * gains, rate, "FLOAT")
    code, events, errors = run(tmp_path / "plain.wav", tmp_path / "other.wav")
    assert code == 0 and not errors and events["other.wav"]
    assert all(float(row[1]) <= 3.0 for name in events for row in events[name])
    found, expected = events["other.wav"], events["plain.wav"]
    if rate == 8000:
        assert len(found) == pytest.approx(len(expected), rel=0.1)
        return
    assert len(found) == len(expected)
    for ours, theirs in zip(sorted(found), sorted(expected)):
        assert ours[2] == theirs[2]
        for i, accuracy in ((0, 2e-3), (1, 2e-3), (3, 1e-3)):
            assert float(ours[i]) == pytest.approx(float(theirs[i]), abs=accuracy)


def test_what_this_user_may_not_read(checkpoint, tmp_path):
    """A recording and a folder."""
    for name in ("in/closed.wav", "in/good.wav", "in/shut/a.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        sf.write(tmp_path / name, sound(2.0), RATE)
    for name in ("in/closed.wav", "in/shut"):
        (tmp_path / name).chmod(0)
    command = [sys.executable, "-m", "audiodet.cli", "detect", "in", "--model", str(checkpoint)]
    process = subprocess.run(
        [*command, "--device", "cpu", "-o", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        preexec_fn=obey_permissions,
    )
    (tmp_path / "in" / "shut").chmod(0o755)
    assert process.returncode == 3, process.stderr
    errors = dict(rows(tmp_path / "out" / "errors.tsv"))
    assert set(errors) == {"in/closed.wav", "in/shut"}
    assert "cannot be read (Permission denied)" in errors["in/closed.wav"]
    assert "cannot be listed (Permission denied)" in errors["in/shut"]
    assert {row[0] for row in rows(tmp_path / "out" / "audiodet_events.tsv")} == {"in/good.wav"}


def test_a_recording_that_grows_while_it_is_read(run, tmp_path, monkeypatch):
    """Also one of a single window, which is read in one go."""
    read = reading.read_audio

    def read_and_record_on(path, rate, **options):
        samples = read(path, rate, **options)
        if path.endswith("grows.wav"):
            with open(path, "ab") as file:
                file.write(b"more")
        return samples

    monkeypatch.setattr(reading, "read_audio", read_and_record_on)
    for name in ("grows.wav", "stays.wav"):
        sf.write(tmp_path / name, sound(2.0), RATE)
    code, events, errors = run(tmp_path / "grows.wav", tmp_path / "stays.wav")
    assert code == 3 and set(events) == {"stays.wav"} and set(errors) == {"grows.wav"}
    assert "changed while it was read" in errors["grows.wav"]


def test_a_folder_called_like_a_recording(run, tmp_path):
    (tmp_path / "in.wav").mkdir()
    sf.write(tmp_path / "in.wav" / "a.wav", sound(2.0), RATE)
    code, events, errors = run(tmp_path / "in.wav")
    assert code == 0 and set(events) == {"a.wav"}


def test_a_pipe_in_a_folder_is_not_waited_for(run, tmp_path):
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe.wav")
    sf.write(tmp_path / "in" / "a.wav", sound(2.0), RATE)
    code, events, errors = run(tmp_path / "in")
    assert code == 3 and set(events) == {"a.wav"} and "a pipe" in errors["pipe.wav"]
