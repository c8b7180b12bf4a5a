"""A small run of `audiodet detect`, written as detect writes it, whose events are known."""

import json
import re
from contextlib import closing
from pathlib import Path

import numpy as np
import soundfile as sf

from audiodet.events import Event
from audiodet.inference.journal import Journal
from audiodet.inference.reading import file_state

RATE = 16000
SECONDS = 12.0
THRESHOLDS = {"dog": 0.5, "car": 0.4}
EVENTS = {
    "yard.wav": [
        Event(1.0, 2.0, "dog", 0.9),
        Event(4.0, 5.5, "car", 0.6),
        Event(7.0, 8.0, "dog", 0.3),
        Event(10.0, 11.0, "dog", 0.7),
    ],
    "street.wav": [Event(2.0, 3.0, "car", 0.8), Event(6.0, 6.5, "dog", 0.55)],
    "night.wav": [Event(3.0, 4.0, "dog", 0.2)],
}
TRUTH = (
    "filename\tonset\toffset\tevent_label\n"
    "yard.wav\t1.1\t2.0\tdog\n"  # found at .9
    "yard.wav\t4.1\t5.0\tdog\n"  # a car was found there
    "yard.wav\t7.2\t8.0\tdog\n"  # found at .3 only
    "street.wav\t2.1\t3.0\tcar\n"  # found at .8
    "night.wav\n"
)


def write_recording(path: Path, tone_hz: float = 1000.0, seconds: float = SECONDS) -> None:
    """Faint noise and a tone from 1 to 2 s."""
    times = np.arange(round(seconds * RATE)) / RATE
    samples = np.random.default_rng(0).normal(0, 0.001, len(times))
    samples += 0.2 * np.sin(2 * np.pi * tone_hz * times) * ((1 <= times) & (times < 2))
    sf.write(path, samples, RATE)


def write_run(folder: Path, events=None, thresholds=None, errors=()) -> Path:
    """Recordings and the journal of a run about them -> the run's folder."""
    events = EVENTS if events is None else events
    thresholds = thresholds or THRESHOLDS
    audio = folder / "audio"
    audio.mkdir(parents=True)
    parameters = {
        "version": "0.1.0",
        "model": "a_model",
        "thresholds": thresholds,
        "floors": dict.fromkeys(thresholds, 0.05),
    }
    with closing(Journal(folder / "run", parameters, resume=False)) as journal:
        for name, found in events.items():
            path = audio / name
            write_recording(path)
            state = file_state(path)
            journal.add(str(path), state=state, duration=SECONDS, events=found)
        for path, reason in errors:
            journal.add(path, state=None, error=reason)
    return folder / "run"


def data_of(page: Path) -> dict:
    """What the script of a page reads."""
    html = page.read_text(encoding="utf-8")
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    return json.loads(text)
