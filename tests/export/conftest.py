"""Clips to compare on: real ones where the bank is present, else made ones."""

import numpy as np
import pytest
import soundfile as sf

from audiodet.data.mixing.soundbank import load_soundbank
from tests.conftest import bank_folder

RATE = 44100


@pytest.fixture(scope="session")
def soundbank_clips(tmp_path_factory) -> list[str]:
    """Two wavs of half a minute, one of 70 s that spans windows, and one of less than a second."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("clips")
    sounds = real_sounds() or [rng.normal(0, 0.3, RATE) * np.hanning(RATE) for _ in range(6)]
    paths = []
    for number, seconds in enumerate((30.0, 30.0, 70.0, 0.9)):
        wave = rng.normal(0, 0.01, round(seconds * RATE))
        for place in np.arange(0.2, seconds - 0.5, 4.7):
            sound = sounds[rng.integers(len(sounds))][: 3 * RATE]
            part = wave[round(place * RATE) :][: len(sound)]
            part += 0.5 * sound[: len(part)]
        paths.append(str(folder / f"{number}.wav"))
        sf.write(paths[-1], wave.clip(-1, 1), RATE)
    return paths


def real_sounds() -> list[np.ndarray]:
    """Events of every class of the bank at 44.1 kHz; [] without a bank."""
    folder = bank_folder()
    if folder is None:
        return []
    sounds = []
    for clip in load_soundbank(str(folder)).clips:
        samples, rate = sf.read(folder / clip.path, dtype="float32")
        if clip.kind == "events" and rate == RATE and samples.ndim == 1:
            sounds.append(samples)
    return sounds[::5]
