"""Cost of one recording of 1, 10, 100 hours that is killed near its end and resumed.

Mu-law at 32 kHz in RF64 (100 hours are 11.5 GB), sounds of the bank over its backgrounds; ten
minutes of each fold in turn, of which only a part sounds where --sound says so.
"""

import json
from pathlib import Path

import numpy as np
import soundfile as sf
from tabulate import tabulate

from audiodet.data.mixing.rendering import render
from audiodet.data.mixing.soundbank import FOLDS, load_soundbank, soundbank_root
from audiodet.errors import AudiodetError
from audiodet.inference.journal import NAME
from benchmarks.detect import command, finished, started
from papers.long import long_recipe

RATE = 32000
PART = 600.0  # seconds
EVERY = 20.0  # seconds from sound to sound
KILLED = 0.95  # of the recording: a run is killed at the last ten minutes before that
TABLE = "audiodet_events.tsv"


def run(args, folder: str) -> dict:
    """Hear each length, shortest first."""
    parts = [part_of_fold(fold) for fold in range(FOLDS)]
    for part in parts:
        part[round(args.sound * len(part)) :] = 0
    path = Path(folder, "long.wav")
    figures = {}
    for hours in sorted(args.hours):
        write(path, hours, parts)
        figures[f"{hours:g}"] = of_length(path, hours, args, Path(folder, f"{hours:g}"))
        rows = [[name, *(f"{x:.4g}" for x in row.values())] for name, row in figures.items()]
        print(tabulate(rows, ["hours", *figures[f"{hours:g}"]], disable_numparse=True), flush=True)
    return figures


def part_of_fold(fold: int) -> np.ndarray:
    """(samples,) of ten minutes from a fold's sounds."""
    root = soundbank_root()
    clips = load_soundbank(root).select(folds=[fold])
    return render(long_recipe(clips, f"hours_fold{fold}", PART, EVERY, 0), root, RATE)


def write(path: Path, hours: float, parts: list[np.ndarray]) -> None:
    """One recording of so many hours, each repetition of a part begun elsewhere."""
    with sf.SoundFile(path, "w", RATE, 1, "ULAW", format="RF64") as file:
        for number in range(max(1, round(hours * 3600 / PART))):
            file.write(np.roll(parts[number % len(parts)], number * 99991))


def of_length(path: Path, hours: float, args, out: Path) -> dict:
    """Figures of one recording, of both runs together."""
    end = 3600 * hours * KILLED - PART
    run = finished(started(command(path, out, args)), until=lambda: heard(out) >= end)
    if not run["killed"]:
        raise AudiodetError(f"{hours:g} hours: ended before {end:.0f} s were in the journal")
    rest = finished(started([*command(path, out, args), "--resume"]))
    return {
        "s": run["seconds"] + rest["seconds"],
        "CPU s": run["cpu"] + rest["cpu"],
        "CPU s an hour": (run["cpu"] + rest["cpu"]) / hours,
        "peak MB": max(run["MB"], rest["MB"]),
        "after the kill: s": rest["seconds"],
        "after it: CPU s": rest["cpu"],
        "after it: MB": rest["MB"],
        "events": (out / TABLE).read_bytes().count(b"\n") - 1,
    }


def heard(out: Path) -> float:
    """Seconds of the recording that a run's journal has."""
    try:
        lines = (out / NAME).read_bytes().splitlines()
        return json.loads(lines[-1])["end"]
    except (OSError, ValueError, LookupError):
        return 0.0
