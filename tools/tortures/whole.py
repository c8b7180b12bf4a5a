"""Whole runs of the command: odd names, streams, Ray, many files, long files."""

import csv
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile as sf

from audiodet.inference.journal import NAME
from tortures.result import Result
from tortures.sounds import RATE, sound, write_sounds

COMMAND = [sys.executable, "-c", "import sys; from audiodet.cli import main; sys.exit(main())"]
MODEL = ["--model", "rcrnn_rare", "--device", "cpu", "--threshold", "0.05"]
FORMATS = ("tsv", "csv", "jsonl", "audacity", "audacity-scores", "raven", "rttm", "parquet")
ODD = (
    'plain|two words| leading|trailing |tab\there|return\rend|=1+1|+1|-1|@SUM(A1)|\'quote|"quoted"|'
    "a,b;c|back\\slash|üñï|u\u0308|鳥の声|🐦|\u202ertl|\u2028line|\x85next|\x1b[31mred|b\udcffyte|"
    "%s%d{}|$HOME|CON|~|#|?|*|<b>|a.b.c|.hidden|..dots|line\nend"
).split("|")
ODD += ["x" * 240, "é" * 110]
SCRIPT = " ".join(f"'{part}'" for part in COMMAND)


def odd_names(folder: Path, rng: random.Random, number: int) -> Result:
    """Every odd name in every format: as many rows as events, no cell that is a formula."""
    result = Result("odd names x formats")
    place = folder / "names"
    place.mkdir(parents=True)
    for index, name in enumerate(ODD):
        sf.write(os.fsencode(place / f"{name}.wav"), sound(1.5, index), RATE, "PCM_16")
    out = (folder / "out").resolve()
    options = ["--format", ",".join(FORMATS), "-o", str(out)]
    paths = sorted(f"{name}.wav" for name in ODD)
    listed = folder / "list"
    listed.write_bytes(b"\0".join(map(os.fsencode, paths)))
    done = _audiodet("detect", f"@{listed.resolve()}", *MODEL, *options, cwd=place)
    result.expect(done.returncode == 0, f"exit code {done.returncode}: {done.stderr}")
    lines = (out / NAME).read_text().splitlines()[1:]
    events = sum(e[3] >= 0.05 for line in lines for e in json.loads(line).get("events", ()))
    result.expect(len(lines) == len(ODD), f"{len(lines)} recordings, expected {len(ODD)}")
    for form in FORMATS:
        rows, bad = _rows(out, form)
        good = not bad and rows == events
        result.expect(good, f"{form}: {rows} of {events} rows, {bad}", tries=len(ODD))
    return result


def _rows(out: Path, form: str) -> tuple[int, list[str]]:
    """Rows with an event in a format, and cells in it that begin as a formula."""
    if form == "parquet":
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(out / "audiodet_events.parquet").to_pylist()
        return sum(row["onset"] is not None for row in table), []
    names = {"audacity": "audiodet_labels", "audacity-scores": "audiodet_labels_scores"}
    if form in names:
        files = sorted((out / names[form]).iterdir())
    else:
        suffix = {"raven": "selections.txt"}.get(form, f"events.{form}")
        files = [out / f"audiodet_{suffix}"]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    if form == "jsonl":
        return len([json.loads(line) for line in text.splitlines()]), []
    if form == "rttm":
        return len(text.splitlines()), [x for x in text.splitlines() if len(x.split()) != 10]
    cells = list(csv.reader(text.splitlines(), delimiter="," if form == "csv" else "\t"))
    bad = [cell for row in cells for cell in row if cell[:1] in ("=", "+", "-", "@")]
    if form in ("tsv", "csv"):
        return sum(len(row) == 5 and row[1] not in ("", "onset") for row in cells), bad
    return len(cells) - (form == "raven"), bad


def standard_streams(folder: Path, rng: random.Random, number: int) -> Result:
    """Commands with streams that are full, closed, or read by nobody: one line, a right code."""
    result = Result("streams full, closed, gone")
    sounds = write_sounds(folder / "sounds", rng, 1)
    model = " ".join(MODEL)
    commands = {
        "--help": 0,
        "models": 0,
        "models audiodet_rare": 0,
        "detect nowhere.wav --model nothing": 1,
        "detect --window x y": 2,
        f"detect {sounds} {model} -o -": 0,
        f"stream {model} --sample-rate 44100 </dev/zero": None,
        f"stream {model} --sample-rate 44100 <&-": 1,
    }
    for line, code in list(commands.items())[:number]:
        prints = code == 0
        for ending in (">/dev/full", ">&-", "2>/dev/full", "2>&-", "| true", ">&- 2>&- <&-"):
            hidden = "2>" in ending
            takes_out = ending.startswith((">", "|"))
            if code is None and not takes_out:
                continue  # would never end
            shell = f"{SCRIPT} {line} {ending}; exit ${{PIPESTATUS[0]}}"
            if code is None:
                shell = f"head -c 9000000 /dev/zero | {SCRIPT} {line.split('<')[0]} {ending}"
            done = subprocess.run(
                ["bash", "-c", shell], capture_output=True, text=True, timeout=120
            )
            good = "Traceback" not in done.stderr and "Exception" not in done.stderr
            if code is not None:
                expected = 1 if prints and takes_out else code
                good = good and done.returncode == expected
                good = good and (hidden or code == 2 or done.stderr.count("\n") <= 1)
            result.expect(good, f"{line} {ending}: {done.returncode} {done.stderr[-300:]!r}")
    return result


def with_ray(folder: Path, rng: random.Random, number: int) -> Result:
    """Two workers, one of which is killed: the rows of a run without Ray, and no word of Ray's."""
    result = Result("Ray with a killed worker")
    try:
        import ray  # noqa: F401
    except ImportError:
        result.note = "Ray is not installed"
        return result
    sounds = write_sounds(folder / "sounds", rng, number)
    result.expect(
        not _audiodet("detect", sounds, *MODEL, "-o", folder / "local").returncode, "local"
    )
    arguments = ["detect", str(sounds), *MODEL, "-o", str(folder / "ray")]
    run = subprocess.Popen(
        [*COMMAND, *arguments, "--ray", "--workers", "2"], stderr=subprocess.PIPE, text=True
    )
    journal = folder / "ray" / NAME
    killed = False
    while run.poll() is None and not killed:
        time.sleep(0.02)
        if journal.exists() and journal.read_bytes().count(b"\n") > 3:
            killed = _kill_a_worker(run.pid)
    told = run.communicate()[1]
    result.expect(killed, "no worker could be killed")
    result.expect(run.returncode == 0, f"exit code {run.returncode}: {told[-300:]}")
    tables = [(folder / name / "audiodet_events.tsv").read_bytes() for name in ("local", "ray")]
    result.expect(tables[0] == tables[1], "other rows than without Ray")
    lines = [x for x in told.splitlines() if not re.match(r"\d+ events? in|.* recordings, \d", x)]
    result.expect(not lines, f"Ray's own words: {lines[:3]}")
    return result


def _kill_a_worker(run: int) -> bool:
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            line = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if line.startswith(b"ray::Worker") and _descends(int(process.name), run):
            os.kill(int(process.name), signal.SIGKILL)
            return True
    return False


def _descends(process: int, ancestor: int) -> bool:
    while process > 1:
        if process == ancestor:
            return True
        try:
            status = Path(f"/proc/{process}/stat").read_text()
        except OSError:
            return False
        process = int(status.rpartition(")")[2].split()[1])
    return False


def many_files(folder: Path, rng: random.Random, number: int) -> Result:
    """Tiny recordings: a row each."""
    result = Result(f"{number} tiny files")
    place = folder / "tiny"
    place.mkdir(parents=True)
    sf.write(place / "00000.wav", sound(0.2, 1), RATE, "PCM_16")
    for index in range(1, number):
        os.link(place / "00000.wav", place / f"{index:05}.wav")
    began = time.monotonic()
    done = _audiodet("detect", place, *MODEL, "-o", folder / "out", "--format", "tsv,audacity")
    rows = (folder / "out" / "audiodet_events.tsv").read_text().splitlines()[1:]
    names = {row.split("\t")[0] for row in rows}
    result.tries = number
    if done.returncode or len(names) != number:
        result.failures.append(f"{len(names)} of {number} rows, {done.returncode} {done.stderr}")
    result.note = f"{time.monotonic() - began:.0f} s, {_peak():.0f} MB at most"
    shutil.rmtree(place)
    return result


def long_file(folder: Path, rng: random.Random, minutes: int) -> Result:
    """One recording, undisturbed and killed once: the same rows, and the second half alone."""
    result = Result(f"{minutes / 60:g} hours of sound, killed in the middle")
    folder.mkdir(parents=True)
    path = folder / "long.wav"
    part = sound(60.0, 5)
    with sf.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(minutes):
            file.write(np.roll(part, rng.randrange(len(part))))
    began = time.monotonic()
    done = _audiodet("detect", path, *MODEL, "-o", folder / "whole")
    seconds = time.monotonic() - began
    result.expect(done.returncode == 0, f"{done.returncode} {done.stderr}")
    run = subprocess.Popen([*COMMAND, "detect", str(path), *MODEL, "-o", str(folder / "out")])
    journal = folder / "out" / NAME
    while run.poll() is None:
        time.sleep(0.05)
        if time.monotonic() - began > 1.5 * seconds and journal.exists():
            run.kill()
    parts = journal.read_bytes().count(b'{"part"')
    began = time.monotonic()
    done = _audiodet("detect", path, *MODEL, "-o", folder / "out", "--resume")
    result.expect(done.returncode == 0, f"{done.returncode} {done.stderr}")
    tables = [(folder / name / "audiodet_events.tsv").read_bytes() for name in ("whole", "out")]
    result.expect(tables[0] == tables[1], "other rows after the kill")
    result.note = (
        f"{seconds:.0f} s; killed after {parts} parts, the rest took "
        f"{time.monotonic() - began:.0f} s; {_peak():.0f} MB at most"
    )
    path.unlink()
    return result


def _peak() -> float:
    """Most memory of any process that has ended, in MB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def _audiodet(*arguments, cwd=None):
    line = [*COMMAND, *map(str, arguments), "--quiet"]
    return subprocess.run(line, capture_output=True, text=True, errors="replace", cwd=cwd)
