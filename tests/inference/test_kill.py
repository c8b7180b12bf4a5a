"""Killed at any moment, or on a full disk: a resumed run ends with the very same files."""

import os
import random
import signal
import subprocess
import time

import pytest
import soundfile as sf

from audiodet.inference.journal import NAME
from tests.inference.killable import start
from tests.inference.sounds import sound
from tests.tiny import RATE

FORMATS = "tsv,csv,jsonl,audacity,raven,rttm"


@pytest.fixture(scope="module")
def arguments(tmp_path_factory, checkpoint):
    """A run of 40 recordings, one of which is none."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(40):
        sf.write(folder / f"{number:02}.wav", sound(1.0 + number % 4, number), RATE)
    (folder / "20.wav").write_text("no sound")
    return [
        folder,
        "--model",
        checkpoint,
        "--window",
        "2",
        "--overlap",
        "0.5",
        "--device",
        "cpu",
        "--format",
        FORMATS,
        "--resume",
        "-o",
    ]


def contents(out) -> dict:
    """All files of a run but the journal, whose lines may come in another order, and the report."""
    files = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    return {k: v for k, v in files.items() if k not in (NAME, "audiodet_run.json")}


@pytest.fixture(scope="module")
def undisturbed(arguments, tmp_path_factory):
    """Files of a run that nobody killed."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    process = start([*arguments, out])
    process.join()
    assert process.exitcode == 3
    files = contents(out)
    assert len(files) == 7 + 39 and files["audiodet_events.tsv"].count(b"\n") > 60
    return files


def journal_lines(out) -> int:
    return (out / NAME).read_bytes().count(b"\n") if (out / NAME).exists() else 0


def assert_finishes(arguments, out, files) -> None:
    """A run, continued or not, ends as an undisturbed one: one input is bad, all rows are there."""
    process = start([*arguments, out])
    process.join()
    assert process.exitcode == 3 and files in (None, contents(out))


def kill_until_done(arguments, out, rng) -> int:
    """Kill a run and start it again until one ends by itself; how many were killed."""
    for kills in range(60):
        process, before = start([*arguments, out]), journal_lines(out)
        more = rng.randint(1, 3)
        while process.is_alive() and journal_lines(out) < before + more:
            time.sleep(0.002)
        process.join(rng.choice([0, 0.002, 0.02, 0.1]))
        process.kill()
        process.join()
        if process.exitcode != -signal.SIGKILL:
            assert process.exitcode == 3
            return kills
    raise AssertionError("60 runs were killed and none ended")


def test_killed_at_random_moments(arguments, undisturbed, tmp_path):
    files = undisturbed
    rng, kills = random.Random(0), 0
    for attempt in range(20):  # a fast machine ends a run before a kill reaches it
        kills += kill_until_done(arguments, tmp_path / f"out{attempt}", rng)
        assert contents(tmp_path / f"out{attempt}") == files
        if kills >= 5:
            return
    raise AssertionError(f"{kills} runs were killed, expected 5")


def test_killed_while_the_tables_are_written(arguments, undisturbed, tmp_path):
    """The journal is whole; the kills fall anywhere after that."""
    files = undisturbed
    out, rng = tmp_path / "out", random.Random(1)
    process = start([*arguments, out])
    process.join()
    for _ in range(6):
        for path in out.iterdir():
            if path.name.startswith("audiodet_events"):
                path.unlink()
        process = start([*arguments, out])
        while process.is_alive() and not list(out.glob("audiodet_events*")):
            time.sleep(0.001)
        process.join(rng.random() * 0.02)
        process.kill()
        process.join()
        for name, content in contents(out).items():  # what is there is whole
            assert name.startswith(".") or content == files[name], name
    assert_finishes(arguments, out, files)


def test_interrupted_by_ctrl_c(arguments, tmp_path):
    """A recording of two minutes comes last, so that there is time to interrupt."""
    sf.write(tmp_path / "long.wav", sound(120.0, 0), RATE)
    arguments = [arguments[0], tmp_path / "long.wav", *arguments[1:]]
    assert_finishes(arguments, tmp_path / "undisturbed", None)
    files = contents(tmp_path / "undisturbed")
    for attempt in range(10):  # a run may be done before the signal reaches it
        out = tmp_path / f"out{attempt}"
        process = start([*arguments, out])
        while process.is_alive() and journal_lines(out) < 3:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGINT)
        process.join()
        if "continue with --resume" in (tmp_path / f"out{attempt}.log").read_text():
            break
    assert process.exitcode == 130
    assert_finishes(arguments, out, files)


@pytest.mark.parametrize("limit", [700, 3000, 6000])
def test_a_file_that_cannot_grow(limit, arguments, undisturbed, tmp_path):
    """Any write beyond ``limit`` bytes of a file fails: in the journal, or in a table."""
    files = undisturbed
    out = tmp_path / "out"
    process = start([*arguments, out], limit)
    process.join()
    told = (tmp_path / "out.log").read_text()
    assert process.exitcode == 1 and told.startswith("error: ") and told.count("\n") == 1, told
    assert "cannot be written" in told and "--resume" in told
    assert_finishes(arguments, out, files)


@pytest.mark.parametrize("pages", [2, 12, 40])
def test_a_file_system_that_runs_full(pages, arguments, undisturbed, tmp_path):
    """A tmpfs of a few pages of 4 kB, which then is given more."""
    files = undisturbed
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={pages * 4}k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        out = place / "out"
        process = start([*arguments, out])
        process.join()
        assert process.exitcode in (1, -signal.SIGKILL)
        subprocess.run(["mount", "-o", "remount,size=4m", str(place)], check=True)
        assert_finishes(arguments, out, files)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
