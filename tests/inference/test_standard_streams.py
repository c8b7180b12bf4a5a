"""stdin, stdout and stderr that are full, closed or go away: one line and a right exit code."""

import fcntl
import json
import signal
import subprocess
import sys
import termios
import time

import numpy as np
import pytest
import soundfile as sf

from tests.inference.sounds import sound
from tests.tiny import RATE

COMMAND = f"{sys.executable} -c 'import sys; from audiodet.cli import main; sys.exit(main())'"


def shell(text, **options):
    """A line of the shell in which AUDIODET stands for the command -> (code, stdout, stderr)."""
    line = text.replace("AUDIODET", COMMAND)
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, **options)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def one_error(told: str) -> bool:
    return told.startswith("error: ") and told.count("\n") == 1


def test_a_full_stdout():
    code, _, told = shell("AUDIODET models >/dev/full")
    assert code == 1 and one_error(told) and "stdout cannot be written (No space left" in told
    assert shell("AUDIODET --help >/dev/full")[0] == 1


def test_a_closed_stdout():
    code, _, told = shell("AUDIODET models >&-")
    assert code == 1 and one_error(told) and "stdout cannot be written (Bad file descr" in told


def test_a_reader_that_goes_away():
    line = "AUDIODET models audiodet_rare | true; exit ${PIPESTATUS[0]}"
    code, _, told = shell(line)
    assert code == 1 and told == "error: stdout was closed before all was printed\n"


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_messages_that_nobody_reads(closed):
    """Nothing of them lands in stdout, and the exit code is that of the work."""
    assert shell(f"AUDIODET detect nowhere.wav --model nothing {closed}") == (1, "", "")
    assert shell(f"AUDIODET detect --window x y {closed}") == (2, "", "")
    code, said, _ = shell(f"AUDIODET --version {closed}")
    assert code == 0 and said.startswith("audiodet ")


def test_a_closed_stdin(checkpoint):
    code, said, told = shell(f"AUDIODET stream --sample-rate {RATE} --model {checkpoint} <&-")
    assert code == 1 and said == "" and one_error(told) and "stdin: cannot be read" in told
    code, said, told = shell(f"AUDIODET detect @- --model {checkpoint} -o - <&-")
    assert code == 1 and said == "" and one_error(told) and "cannot be read (Bad file" in told


def test_all_of_them_closed(checkpoint, folder, tmp_path):
    """No file of the run gets one of their numbers: what C prints does not land in it."""
    line = f"AUDIODET detect {folder}/02.wav --model {checkpoint} --device cpu -o {tmp_path}/out"
    assert shell(f"{line} <&- >&- 2>&-") == (0, "", "")
    lines = (tmp_path / "out" / "audiodet_journal.jsonl").read_text().splitlines()
    assert len(lines) == 2 and all(map(json.loads, lines))


def test_what_c_prints_goes_nowhere():
    text = (
        "import os; from audiodet.cli.streams import own_streams; own_streams(); print('row 1'); "
    )
    text += "os.write(1, b'noise'); os.write(2, b'noise'); print('row 2')"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.stdout == "row 1\nrow 2\n" and done.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stream_that_is_stopped_loses_no_event(number, checkpoint):
    """Its events are those of the same sound in a pipe that ends."""
    data = (sound(9.0) * 32767).astype("<i2").tobytes()
    line = f"exec {COMMAND} stream --sample-rate {RATE} --model {checkpoint} --delay 3 --device cpu"
    whole = subprocess.run(["bash", "-c", line], input=data, capture_output=True)
    assert whole.returncode == 0 and whole.stdout.count(b"\n") > 5
    process = subprocess.Popen(
        ["bash", "-c", line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdin.write(data)
    process.stdin.flush()
    first = process.stdout.readline()  # it is at work
    while fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)) != bytes(4):  # bytes in the pipe
        time.sleep(0.02)
    process.send_signal(number)
    rest, told = process.stdout.read(), process.stderr.read()
    process.stdin.close()
    assert process.wait() == 128 + number and b"Traceback" not in told
    assert first + rest == whole.stdout


def test_a_bad_sample_costs_no_earlier_event(checkpoint):
    wave = sound(9.0).astype("<f4")
    line = f"{COMMAND} stream --sample-rate {RATE} --model {checkpoint} --delay 3 --device cpu"
    line += " --sample-format f32le"
    whole = subprocess.run(["bash", "-c", line], input=wave.tobytes(), capture_output=True)
    bad = np.concatenate([wave, np.full(1000, np.nan, "<f4"), wave])
    found = subprocess.run(["bash", "-c", line], input=bad.tobytes(), capture_output=True)
    assert found.returncode == 1 and found.stdout == whole.stdout
    assert one_error(found.stderr.decode()) and b"NaN" in found.stderr


def test_rows_only(checkpoint, tmp_path):
    """A damaged mp3, of which mpg123 has much to say, between others."""
    for name in ("a.wav", "b.mp3", "c.wav"):
        sf.write(tmp_path / name, sound(2.0), RATE)
    damaged = bytearray((tmp_path / "b.mp3").read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 400] = bytes(range(200)) * 2
    (tmp_path / "b.mp3").write_bytes(damaged)
    line = f"AUDIODET detect {tmp_path} --model {checkpoint} --device cpu -o - 2>&1"
    code, said, _ = shell(line)
    for row in said.splitlines():
        good = row.count("\t") == 4 or row.startswith(("error: ", "warning: "))
        assert good, said
