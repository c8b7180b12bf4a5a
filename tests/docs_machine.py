"""The machine of a reader of the pages: files, programs, and what a typed command does."""

import multiprocessing
import os
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import soundfile as sf

from tests.training.sounds import drawn_events, write_folder, write_recording

ROOT = Path(__file__).resolve().parents[1]
RATE = 16000
REMIX_LABELS = ("cat_meow", "clock_tick", "dog_bark", "rooster", "sneeze")
# Added to a command in a marked block that tests shorten.
SHORT = {
    "tools/train_net.py": "SOLVER.MAX_ITER 2 SOLVER.VAL_PERIOD 0 SOLVER.IMS_PER_BATCH 2 "
    "TEST.BOOTSTRAP 0 TEST.TUNE_THRESHOLDS False",
    "tools/make_mixtures.py": "--count 2",
    "train": "SOLVER.MAX_ITER 10 SOLVER.IMS_PER_BATCH 2 --device cpu",
}
FEW = 12  # clips of a dataset then
# Imported once, in a process from which each command is forked: it starts at once.
PRELOADED = [
    "audiodet",
    "audiodet.engine.trainer",
    "audiodet.inference.run",
    "audiodet.visualization",
    "tests.docs_machine",
]
# The reader's ffmpeg: 40 s of silence as raw PCM.
FFMPEG = """#!/bin/sh
exec head -c 3528000 /dev/zero
"""


def tone(seconds: float, hertz: float, seed: int) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).normal(0, 0.01, len(times))
    return (0.3 * np.sin(2 * np.pi * hertz * times) + noise).astype(np.float32)


def write_recordings(folder: Path) -> None:
    """Recordings and label tables by the names that the pages use."""
    for name in ("recording.wav", "a.flac", "night.wav", "recordings/yard.wav", "b.ogg"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        sf.write(path, tone(2.5, 700, len(name)), RATE)
    (folder / "list.txt").write_text("b.ogg\n")
    write_labelled(folder)
    for split, count in {"train": 4, "val": 2, "test": 2}.items():
        rows = ["filename\tonset\toffset\tevent_label"]
        for number in range(count):
            name = f"{split}{number}.wav"
            for audio in ("audio", "recordings"):
                (folder / audio).mkdir(exist_ok=True)
                samples = tone(3.0, 400, len(rows) + sum(map(ord, split)))
                sf.write(folder / audio / name, samples, RATE)
            rows += [f"{name}\t0.5\t1.1\tdog", f"{name}\t1.4\t2.6\tcar"]
        (folder / "labels").mkdir(exist_ok=True)
        for table in (folder / f"{split}.tsv", folder / "labels" / f"{split}.tsv"):
            table.write_text("\n".join(rows) + "\n")


def write_labelled(folder: Path) -> None:
    """Recordings with labels of the models that ship."""
    (folder / "sounds").mkdir()
    rows = ["filename\tonset\toffset\tevent_label"]
    for number, label in enumerate(("babycry", "glassbreak", "gunshot")):
        sf.write(folder / "sounds" / f"{number}.wav", tone(3.0, 500 * number + 500, number), RATE)
        rows.append(f"{number}.wav\t0.5\t1.5\t{label}")
    (folder / "sounds.tsv").write_text("\n".join(rows) + "\n")


def write_own_recordings(folder: Path) -> None:
    """Small copies of what docs/own_detector.md trains on: songs in splits, clips of Audacity."""
    counts = {"train": 4, "val": 2, "test": 2}
    write_folder(folder / "birdsong", counts, length=0.08)
    write_recording(folder / "new_songs" / "song.wav", drawn_events(99, 0.08, 3.0), 3.0)
    (folder / "yard" / "labels").mkdir(parents=True)
    for number in range(8):
        events = drawn_events(number, 0.5, 4.0)
        write_recording(folder / "yard" / "audio" / f"bark_{number:02}.wav", events, 4.0, number)
        lines = [f"{onset:.6f}\t{offset:.6f}\t{label}\n" for onset, offset, label in events]
        (folder / "yard" / "labels" / f"bark_{number:02}.txt").write_text("".join(lines))


def write_bank(folder: Path) -> str:
    """A synthetic bank, with tones for the labels that the procedural one has not."""
    from synthetic_bank import write_synthetic_bank  # of tools/, which pytest finds

    write_synthetic_bank(str(folder), clips=16, backgrounds=12)
    table = folder / "soundbank.csv"
    lines = table.read_text().splitlines()
    columns = lines[0].split(",")
    pattern = [dict(zip(columns, line.split(","))) for line in lines[1:]]
    pattern = [row for row in pattern if row["label"] == "gunshot"]
    for number, label in enumerate(REMIX_LABELS):
        for row in pattern:
            samples, rate = sf.read(folder / row["path"])
            times = np.arange(len(samples)) / rate
            other = {**row, "label": label}
            other["path"] = row["path"].replace("gunshot", label)
            other["split_group"] = row["split_group"].replace("gunshot", label)
            (folder / other["path"]).parent.mkdir(parents=True, exist_ok=True)
            sf.write(folder / other["path"], 0.3 * np.sin(times * 2000 * (number + 1)), rate)
            lines.append(",".join(other[column] for column in columns))
    table.write_text("\n".join(lines) + "\n")
    return str(folder)


def write_programs(folder: Path) -> None:
    """Programs of the reader's machine, for commands in a pipe."""
    programs = {
        "audiodet": f'#!/bin/sh\nexec {sys.executable} -m audiodet.cli "$@"\n',
        "ffmpeg": FFMPEG,
    }
    folder.mkdir()
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def furnish(folder: Path, bank: str) -> None:
    """Put what the pages speak of into an empty folder."""
    for name in ("configs", "tools", "audiodet", "docs"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "bank").symlink_to(bank)
    (folder / "datasets").mkdir()
    write_recordings(folder)
    write_own_recordings(folder)
    write_programs(folder / "bin")


def take_few(get):
    """A dataset catalog's ``get`` that leaves out most clips."""

    def few(catalog, name):
        records = get(catalog, name)
        return records[:: max(1, len(records) // FEW)]

    return few


def obey(words: list[str], folder: str, short: bool, log: str) -> None:
    """What a shell in ``folder`` would do with a command; in a process of its own."""
    stream = open(log, "w")
    for descriptor in (1, 2):
        os.dup2(stream.fileno(), descriptor)
    multiprocessing.set_start_method("fork", force=True)  # of loaders; as in a shell's process
    os.chdir(folder)
    os.environ["AUDIODET_SOUNDBANK"] = f"{folder}/bank"
    os.environ["PATH"] = f"{folder}/bin{os.pathsep}{os.environ['PATH']}"
    if short:
        from detectron2.data import DatasetCatalog

        kind = type(DatasetCatalog)
        kind.get = take_few(kind.get)
    program, *arguments = words
    if program == "bash":
        os.execvp(program, words)
    if program == "audiodet":
        from audiodet.cli import main

        sys.exit(main(arguments))
    assert program == "python", f"{program}: expected audiodet or python"
    sys.argv = arguments
    if arguments[0] == "-c":
        exec(compile(arguments[1], "the page", "exec"), {"__name__": "__main__"})
    else:
        sys.path.insert(0, str(ROOT / "tools"))
        runpy.run_path(arguments[0], run_name="__main__")


def words_of(command: str, short: bool) -> list[str]:
    """What is run for a line of a page."""
    if re.search(r" [|>] ", command):
        return ["bash", "-euo", "pipefail", "-c", command]
    words = shlex.split(command, comments=True)
    if short:
        words += shlex.split(SHORT.get(words[1], ""))
        if words[1] == "tools/visualize_data.py":
            words[2:2] = ["--limit", "2"]
    return words
