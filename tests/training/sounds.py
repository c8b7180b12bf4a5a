"""Folders of labelled recordings that a user might have: beeps and bursts in faint noise."""

from pathlib import Path

import numpy as np
import soundfile as sf

RATE = 16000
HERTZ = {"high": 3000, "low": 500}


def write_recording(path: Path, events, seconds: float, seed: int = 0) -> None:
    """A wav of faint noise with a beep for each (onset, offset, label), in seconds."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 0.003, round(seconds * RATE))
    for onset, offset, label in events:
        part = slice(round(onset * RATE), round(offset * RATE))
        times = np.arange(len(samples[part])) / RATE
        samples[part] += 0.3 * np.sin(2 * np.pi * HERTZ[label] * times)
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, samples, RATE)


def drawn_events(seed: int, length: float, seconds: float, gap: float = 0.3) -> list:
    """Events of about one length, in turn high and low, at random places of a recording."""
    rng = np.random.default_rng(seed)
    events = []
    onset = rng.uniform(0.05, 0.3)
    while onset + 2 * length < seconds:
        label = ("high", "low")[(len(events) + seed) % 2]
        offset = onset + length * rng.uniform(0.9, 1.1)
        events.append((round(onset, 4), round(offset, 4), label))
        onset = offset + rng.uniform(gap / 2, gap)
    return events


def write_folder(
    folder: Path, counts: dict, length: float = 0.08, seconds: float = 2.0, weak: bool = False
) -> Path:
    """``audio/`` and ``labels/<split>.tsv`` with so many recordings in each split."""
    seed = 0
    for split, count in counts.items():
        header = "filename\tevent_labels" if weak else "filename\tonset\toffset\tevent_label"
        lines = [header]
        for number in range(count):
            seed += 1
            name = f"{split}{number}.wav"
            events = drawn_events(seed, length, seconds)
            if weak:
                events = [event for event in events if event[2] == ("high", "low")[seed % 2]]
                lines.append(f"{name}\t{events[0][2]}")
            else:
                lines += [f"{name}\t{on}\t{off}\t{label}" for on, off, label in events]
            write_recording(folder / "audio" / name, events, seconds, seed)
        (folder / "labels").mkdir(exist_ok=True)
        (folder / "labels" / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    return folder
