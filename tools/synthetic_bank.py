"""A procedural sound bank: SYNTHETIC cries, breaking glass, shots, backgrounds and distractors.

For demonstrations and tests on machines without recordings. Sounds are drawn from wide ranges of
parameters, so that they can be learnt but not by a single threshold; figures earned on them say
nothing about real sounds.
"""

import csv
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile as sf
from scipy.signal import butter, sosfilt

from audiodet.data.mixing.soundbank import COLUMNS, FOLDS
from audiodet.errors import DataError
from audiodet.files import atomic_path

RATE = 44100  # Hz
BACKGROUND_SECONDS = 10.0
BACKGROUND_RMS = 10 ** (-36 / 20)
EVENT_PEAK = 0.7
TAKES = 2  # clips with the parameters of one source


def write_synthetic_bank(folder: str, seed: int = 0, clips: int = 24, backgrounds: int = 24) -> str:
    """Write a synthetic sound bank: FLAC of 44.1 kHz and a ``soundbank.csv``.

    Args:
        folder: made when missing.
        seed: the same seed gives the same bank.
        clips: events of each class, and distractors in all; two takes a source.
        backgrounds: of 10 s each, one source each.
    """
    rows = []
    try:
        for label, make in EVENTS.items():
            rows += _write_kind(folder, "events", {label: make}, clips, TAKES, seed)
        rows += _write_kind(folder, "distractors", DISTRACTORS, clips, TAKES, seed)
        rows += _write_kind(folder, "backgrounds", BACKGROUNDS, backgrounds, 1, seed)
        table = Path(folder) / "soundbank.csv"
        with atomic_path(table) as temporary, open(temporary, "w", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    except (OSError, sf.LibsndfileError) as error:
        where = getattr(error, "filename", None) or folder
        raise DataError(f"{where}: cannot write ({error})") from None
    return str(folder)


def _write_kind(
    folder: str, kind: str, makers: dict, count: int, takes: int, seed: int
) -> list[dict]:
    """Write ``count`` clips whose labels take turns; rows of soundbank.csv."""
    rows = []
    labels = list(makers)
    for i in range(count):
        source, take = divmod(i, takes)
        label = labels[source % len(labels)]
        code = crc32(f"{kind}/{label}".encode())
        voice = np.random.default_rng([seed, code, source])
        samples = makers[label](voice, np.random.default_rng([seed, code, source, take]))
        samples = samples * _level(samples, kind)
        name = f"{kind}/{label}/synthetic_{label}_{i:03d}.flac"
        path = Path(folder) / name
        with atomic_path(path) as temporary:
            sf.write(temporary, samples.astype(np.float32), RATE, "PCM_16")
        fold = (source // len(labels) + source % len(labels)) % FOLDS  # labels in every fold
        duration = len(samples) / RATE
        split = "val" if fold == FOLDS - 1 else "train"
        group = f"synthetic:{kind}:{label}:{source}"
        values = (name, kind, label, split, fold, duration, 0.0, duration, group)
        rows.append(dict(zip(COLUMNS, values)))
    return rows


def _level(samples: np.ndarray, kind: str) -> float:
    if kind == "backgrounds":
        return BACKGROUND_RMS / np.sqrt(np.mean(samples**2))
    return EVENT_PEAK / np.abs(samples).max()


def _cry(voice: np.random.Generator, take: np.random.Generator) -> np.ndarray:
    """One to four bursts of a gliding harmonic voice with vibrato."""
    pitch = voice.uniform(300, 650)
    vibrato = voice.uniform(4, 9)
    tilt = voice.uniform(0.5, 1.5)
    formant = voice.uniform(900, 3500)
    pieces = []
    for _ in range(take.integers(1, 5)):
        t = np.arange(int(take.uniform(0.35, 1.1) * RATE)) / RATE
        arc = np.abs(np.sin(np.pi * t / t[-1]))
        f0 = pitch * take.uniform(0.9, 1.1) * (1 + take.uniform(0.05, 0.35) * arc)
        f0 = f0 * (1 + take.uniform(0.005, 0.04) * np.sin(2 * np.pi * vibrato * t))
        phase = 2 * np.pi * np.cumsum(f0) / RATE
        burst = take.normal(0, take.uniform(0.01, 0.1), len(t))
        for harmonic in range(1, 16):
            gain = harmonic**-tilt * (0.3 + np.exp(-(((harmonic * pitch - formant) / 800) ** 2)))
            burst += gain * np.sin(harmonic * phase + take.uniform(0, 6.3))
        pieces.append(burst * arc ** take.uniform(0.3, 1))
        pieces.append(np.zeros(int(take.uniform(0.05, 0.3) * RATE)))
    return np.concatenate(pieces[:-1])


def _glass(voice: np.random.Generator, take: np.random.Generator) -> np.ndarray:
    """A burst of noise, then shards: decaying inharmonic partials that start at random."""
    t = np.arange(int(take.uniform(0.4, 1.6) * RATE)) / RATE
    noise = _band(take.normal(size=len(t)), voice.uniform(1000, 3000), voice.uniform(8000, 14000))
    out = noise * np.exp(-t * voice.uniform(8, 30))
    low = voice.uniform(1500, 3500)
    high = voice.uniform(6000, 12000)
    for _ in range(take.integers(20, 60)):
        start = int(take.exponential(0.15) * RATE)
        rest = t[: max(0, len(t) - start)]
        tone = np.sin(2 * np.pi * take.uniform(low, high) * rest + take.uniform(0, 6.3))
        out[start:] += take.uniform(0.02, 0.3) * tone * np.exp(-rest * take.uniform(10, 80))
    return out


def _shot(voice: np.random.Generator, take: np.random.Generator) -> np.ndarray:
    """An impulse, exponentially decaying low-passed noise, and echoes."""
    t = np.arange(int(take.uniform(0.25, 1.2) * RATE)) / RATE
    body = take.normal(size=len(t)) * np.exp(-t * voice.uniform(8, 40))
    body = _band(body, voice.uniform(30, 90), voice.uniform(800, 4000))
    crack = take.normal(size=len(t)) * np.exp(-t * voice.uniform(150, 500))
    out = body / np.abs(body).max() + voice.uniform(0.2, 1.0) * crack
    for _ in range(voice.integers(0, 4)):
        delay = int(voice.uniform(0.03, 0.2) * RATE)
        out[delay:] += voice.uniform(0.05, 0.3) * body[: len(out) - delay]
    return out


def _beep(voice: np.random.Generator, take: np.random.Generator) -> np.ndarray:
    t = np.arange(int(voice.uniform(0.05, 0.4) * RATE)) / RATE
    tone = np.sin(2 * np.pi * voice.uniform(500, 4000) * t + take.uniform(0, 6.3))
    pause = np.zeros(int(voice.uniform(0.03, 0.2) * RATE))
    return np.concatenate([np.concatenate([tone, pause])] * int(take.integers(1, 5)))


def _knock(voice: np.random.Generator, take: np.random.Generator) -> np.ndarray:
    t = np.arange(int(voice.uniform(0.1, 0.25) * RATE)) / RATE
    tone = voice.uniform(100, 900)
    decay = voice.uniform(25, 90)
    pieces = [
        (np.sin(2 * np.pi * tone * t) + 0.2 * take.normal(size=len(t))) * np.exp(-t * decay)
        for _ in range(take.integers(1, 5))
    ]
    return np.concatenate(pieces)


def _chirp(voice: np.random.Generator, take: np.random.Generator) -> np.ndarray:
    t = np.arange(int(take.uniform(0.1, 0.6) * RATE)) / RATE
    glide = np.linspace(voice.uniform(800, 5000), voice.uniform(800, 5000), len(t))
    return np.sin(2 * np.pi * np.cumsum(glide) / RATE) * np.sin(np.pi * t / t[-1])


def _hiss(voice: np.random.Generator, take: np.random.Generator) -> np.ndarray:
    t = np.arange(int(take.uniform(0.2, 1.0) * RATE)) / RATE
    noise = _band(take.normal(size=len(t)), voice.uniform(500, 3000), voice.uniform(5000, 12000))
    return noise * np.sin(np.pi * t / t[-1])


def _coloured(slope: float, take: np.random.Generator) -> np.ndarray:
    """10 s of noise whose power falls with frequency**slope, slowly modulated."""
    samples = int(BACKGROUND_SECONDS * RATE)
    spectrum = np.fft.rfft(take.normal(size=samples))
    frequency = np.maximum(np.fft.rfftfreq(samples, 1 / RATE), 20.0)
    noise = np.fft.irfft(spectrum * frequency ** (-slope / 2), samples)
    t = np.arange(samples) / RATE
    swing = np.sin(2 * np.pi * take.uniform(0.1, 1.5) * t + take.uniform(0, 6.3))
    return noise / noise.std() * (1 + take.uniform(0, 0.6) * swing)


def _hum(voice: np.random.Generator, take: np.random.Generator) -> np.ndarray:
    out = _coloured(1.0, take)
    t = np.arange(len(out)) / RATE
    mains = voice.uniform(45, 120)
    for harmonic in range(1, 12):
        gain = voice.uniform(0, 1.0) / harmonic
        out += gain * np.sin(2 * np.pi * harmonic * mains * t + take.uniform(0, 6.3))
    return out


def _babble(voice: np.random.Generator, take: np.random.Generator) -> np.ndarray:
    """Several voices without words: harmonic tones in syllables over pink noise."""
    out = 0.5 * _coloured(1.0, take)
    for _ in range(voice.integers(4, 10)):
        pitch = voice.uniform(90, 260)
        start = 0
        while start < len(out):
            t = np.arange(min(int(take.uniform(0.1, 0.35) * RATE), len(out) - start)) / RATE
            glide = pitch * take.uniform(0.85, 1.2) * (1 + take.uniform(-0.3, 0.3) * t)
            phase = 2 * np.pi * np.cumsum(glide) / RATE
            tone = np.zeros(len(t))
            for harmonic in range(1, 10):
                tone += take.uniform(0, 1) / harmonic * np.sin(harmonic * phase)
            out[start : start + len(t)] += 0.5 * tone * np.hanning(len(t))
            start += len(t) + int(take.exponential(0.25) * RATE)
    return out


def _band(samples: np.ndarray, low: float, high: float) -> np.ndarray:
    return sosfilt(butter(2, (low, high), "bandpass", fs=RATE, output="sos"), samples)


EVENTS = {"babycry": _cry, "glassbreak": _glass, "gunshot": _shot}
DISTRACTORS = {"beep": _beep, "knock": _knock, "chirp": _chirp, "hiss": _hiss}
BACKGROUNDS = {
    "pink_noise": lambda voice, take: _coloured(voice.uniform(0.6, 1.4), take),
    "brown_noise": lambda voice, take: _coloured(voice.uniform(1.5, 2.2), take),
    "hum": _hum,
    "babble": _babble,
}
