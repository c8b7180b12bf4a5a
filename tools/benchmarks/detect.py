"""Speed and memory of `audiodet detect`, everything included, as its users meet it.

Each figure is the median over fresh processes. One core and two: the process is bound to them.
"""

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile as sf
from tabulate import tabulate

from benchmarks.timing import import_seconds
from audiodet.errors import AudiodetError

RATE = 44100
SECONDS = 30.0
ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT  # to ask whether a process has ended


def run(args, folder: str) -> dict:
    """Measure everything on this machine; ``folder`` is for scratch files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    figures = measure(args, Path(folder))
    rows = [[name, f"{value:.4g}"] for name, value in figures.items()]
    print(tabulate(rows, ["audiodet detect", "median"], disable_numparse=True))
    return figures


def write_folder(folder: Path, count: int) -> str:
    """`count` different 30-s wavs, 24 bit: noise with a louder burst every few seconds."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        wave = rng.normal(0, 0.02, round(RATE * SECONDS)).astype(np.float32)
        for start in rng.integers(0, len(wave) - RATE, 3):
            wave[start : start + RATE // 2] *= 10
        sf.write(folder / f"{number:04}.wav", wave, RATE, subtype="PCM_24")
    return str(folder)


def write_long(path: Path, hours: float) -> str:
    """One recording of `hours`, 16 bit, written a minute at a time."""
    wave = np.random.default_rng(0).normal(0, 0.02, 60 * RATE).astype(np.float32)
    with sf.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for minute in range(max(1, round(hours * 60))):
            file.write(np.roll(wave, minute * 997))
    return str(path)


def detect(source: str, args, cores: int, engine: str = "") -> dict:
    """`audiodet detect` in a process bound to `cores` cores -> its seconds and peak memory, MB."""
    with tempfile.TemporaryDirectory() as out:
        figures = finished(started(command(source, f"{out}/out", args, engine), cores))
        audio = json.loads(Path(out, "out", "audiodet_run.json").read_text())["seconds_of_audio"]
    return {**figures, "audio": audio, "cpu": figures["cpu"] / audio}


def command(source: str | Path, out: str | Path, args, engine: str = "") -> list[str]:
    """`audiodet detect` on the CPU, with the model that is measured."""
    program = [sys.executable, "-m", "audiodet.cli", "detect", str(source), "-o", str(out)]
    return [*program, "--model", args.model, "--engine", engine or args.engine, "--device", "cpu"]


def started(command: list[str], cores: int = 0) -> subprocess.Popen:
    """A process, bound to so many cores; 0 for all. It knows when it ``began``."""
    chosen = sorted(os.sched_getaffinity(0))[: cores or None]
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": str(len(chosen))},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, chosen),
    )
    process.began = began
    return process


def finished(process: subprocess.Popen, until: Callable[[], bool] | None = None) -> dict:
    """Wait for its end, or kill it once ``until()`` -> seconds, CPU seconds, peak memory MB."""
    peak = 0.0
    while not os.waitid(os.P_PID, process.pid, ENDED):
        peak = max(peak, peak_of(process.pid))
        if until and until():
            process.kill()
            break
        time.sleep(0.05)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - process.began
    process.returncode = os.waitstatus_to_exitcode(status)
    killed = process.returncode == -signal.SIGKILL and until is not None
    if process.returncode and not killed:
        raise AudiodetError(f"audiodet detect ended with {process.returncode}: {said.strip()}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"seconds": seconds, "cpu": cpu, "MB": peak, "killed": killed}


def peak_of(process: int) -> float:
    """Peak memory so far, MB: getrusage(2) has the maximum of whoever started it too."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0  # it has just ended


def median(function, rounds: int) -> dict:
    """Median of each figure that `function` returns."""
    runs = [function() for _ in range(rounds)]
    medians = {}
    for key in runs[0]:
        medians[key] = statistics.median([each[key] for each in runs])
    return medians


def measure(args, folder: Path) -> dict:
    """All figures."""
    many = write_folder(folder / "many", args.files)
    pair = min(2, len(os.sched_getaffinity(0)))
    two, one = (median(lambda n=n: detect(many, args, n), args.rounds) for n in (pair, 1))
    single = median(lambda: detect(f"{many}/0000.wav", args, pair), args.rounds)
    by_torch = median(lambda: detect(f"{many}/0000.wav", args, pair, "torch"), args.rounds)
    figures = {
        f"real-time factor, {args.files} wavs of 30 s, {pair} cores": two["seconds"] / two["audio"],
        f"real-time factor, {args.files} wavs of 30 s, 1 core": one["seconds"] / one["audio"],
        "times faster than one core": one["seconds"] / two["seconds"],
        "core seconds per second of audio": two["cpu"],
        "one 30-s wav, start to end, seconds": single["seconds"],
        "the same with --engine torch, seconds": by_torch["seconds"],
        "of which import torch": import_seconds("pass", "import torch"),
        "peak memory, folder, MB": two["MB"],
    }
    longest = max(args.hours)
    if longest:
        for hours in (longest / 60, longest):
            path = write_long(folder / "long.wav", hours)
            run = detect(path, args, pair)
            figures[f"peak memory, {hours:g} hours, MB"] = run["MB"]
            figures[f"real-time factor, {hours:g} hours"] = run["seconds"] / run["audio"]
    return figures
