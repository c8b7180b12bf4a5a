"""Recordings to torture with: noise in which something comes and goes."""

import random
from pathlib import Path

import numpy as np
import soundfile as sf

RATE = 44100


def sound(seconds: float, seed: int, rate: int = RATE) -> np.ndarray:
    """Tones and bursts over noise, float32."""
    rng = np.random.default_rng(seed)
    wave = rng.normal(0, 0.01, round(seconds * rate))
    for _ in range(max(1, round(seconds))):
        length = min(len(wave), round(rng.uniform(0.1, 0.8) * rate))
        start = rng.integers(0, len(wave) - length + 1)
        times = np.arange(length) / rate
        tone = np.sin(2 * np.pi * rng.uniform(300, 5000) * times) * np.exp(-3 * times)
        wave[start : start + length] += rng.uniform(0.1, 0.5) * tone
    return np.clip(wave, -0.99, 0.99).astype(np.float32)


def write_sounds(folder: Path, rng: random.Random, number: int) -> Path:
    """Wavs of 1 to 4 s: 00.wav, 01.wav, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(number):
        path = folder / f"{index:02}.wav"
        sf.write(path, sound(1 + index % 4, rng.randrange(1 << 30)), RATE, "PCM_16")
    return folder
