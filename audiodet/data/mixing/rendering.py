"""From a mixture recipe to samples, by the rules of the TUT rare sound events synthesizer.

A background is looped or chained to the clip's length; every event is scaled so that its RMS over
the background's RMS *under the event* is the event-to-background ratio; the sum is multiplied by
0.2. Beyond the official synthesizer: a white noise floor, so that bands that a codec emptied are
no cue, and a peak limit instead of clipping.
"""

import os
from collections import OrderedDict
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.signal import oaconvolve

from audiodet.audio.io import read_audio
from audiodet.data.mixing.levels import as_loud, rms
from audiodet.data.mixing.parts import Background, Reverb, Sound
from audiodet.data.mixing.recipes import Recipe
from audiodet.errors import DataError

VERSION = 1  # to be raised when the same recipe comes to sound different
MIXTURE_GAIN = 0.2  # of the official synthesizer
NOISE_FLOOR_DB = -70.0  # RMS of the noise floor relative to full scale
PEAK_LIMIT = 0.999  # a louder mixture is scaled down to this peak
CROSS_FADE = 0.05  # between two pieces of background, in seconds
CACHE_BYTES = 1 << 30  # decoded bank files kept in memory by each process
NOISE_SAMPLES = 1 << 21
EQ_EDGES = (100.0, 10000.0)  # lowest and highest control frequency of an equaliser, in Hz


class PlacedSound(NamedTuple):
    """A scaled sound, float32 (n,), before the gain of 0.2; it begins at sample ``first``."""

    first: int
    samples: np.ndarray
    scaling_factor: float


class MixtureParts(NamedTuple):
    """Background float32 (samples,), events and distractors of a mixture, before the gain."""

    background: np.ndarray
    events: list[PlacedSound]
    distractors: list[PlacedSound]


def render(recipe: Recipe, root: str, sample_rate: int = 44100) -> np.ndarray:
    """Render a mixture.

    Args:
        root: folder of the sound bank that the recipe's paths are relative to.
        sample_rate: in Hz; files of another rate are resampled.

    Returns:
        float32 (round(duration * sample_rate),), within ±1. The same recipe gives the same bytes.

    Raises:
        AudioError, DataError: a file cannot be read, is silent or shorter than its recipe says.
    """
    return mix(render_parts(recipe, root, sample_rate), recipe)


def render_apart(
    recipe: Recipe, root: str, sample_rate: int = 44100
) -> tuple[np.ndarray, np.ndarray]:
    """Events, and the scene with all else that one hears; float32 (samples,) each.

    Their sum is :func:`render`'s mixture: distractors and noise floor belong to the scene.
    """
    scene, events, distractors = render_parts(recipe, root, sample_rate)
    total = np.zeros_like(scene)
    for part, sounds in ((total, events), (scene, distractors)):
        _add_sounds(part, sounds)
        part *= _gain(recipe)
    _add_noise(scene, recipe.seed)
    scale = np.float32(PEAK_LIMIT / max(PEAK_LIMIT, np.abs(total + scene).max()))
    return total * scale, scene * scale


def _add_sounds(samples: np.ndarray, sounds: list[PlacedSound]) -> None:
    for sound in sounds:
        samples[sound.first : sound.first + len(sound.samples)] += sound.samples


def _gain(recipe: Recipe) -> np.float32:
    return np.float32(MIXTURE_GAIN * 10 ** (recipe.gain_db / 20))


def mix(parts: MixtureParts, recipe: Recipe) -> np.ndarray:
    """The mixture from its parts, float32 (samples,); the background's memory is reused."""
    mixture, events, distractors = parts
    _add_sounds(mixture, events + distractors)
    mixture *= _gain(recipe)
    _add_noise(mixture, recipe.seed)
    peak = max(mixture.max(), -mixture.min())
    if peak > PEAK_LIMIT:
        mixture *= np.float32(PEAK_LIMIT / peak)
    return mixture


def render_parts(recipe: Recipe, root: str, sample_rate: int = 44100) -> MixtureParts:
    """Background, events and distractors of a mixture, apart; see :func:`render`."""
    samples = round(recipe.duration * sample_rate)
    background = _background(recipe.background, root, sample_rate, samples)
    if recipe.overlay:
        overlay = _background(recipe.overlay, root, sample_rate, samples)
        overlay *= np.float32(10 ** (recipe.overlay.level_db / 20))
        background += overlay
    events = [_place(event, background, root, sample_rate) for event in recipe.events]
    distractors = [_place(sound, background, root, sample_rate) for sound in recipe.distractors]
    if recipe.masker:
        masked = events[0] if events else _place(recipe.masker.sound, background, root, sample_rate)
        background += _masker(recipe.masker, masked.samples, root, sample_rate, samples)
    return MixtureParts(background, events, distractors)


def _background(layer: Background, root: str, sample_rate: int, samples: int) -> np.ndarray:
    """Play the first file from its start, then the chain (or the same again) until full."""
    paths = (layer.path, *layer.chain)
    out = np.zeros(samples, np.float32)
    piece = _load(root, layer.path, sample_rate)
    piece = piece[min(round(layer.start * sample_rate), len(piece) - 1) :]
    end = 0  # of what is written
    turn = 0
    while True:
        turn += 1
        fade = min(round(CROSS_FADE * sample_rate), end, len(piece) // 2)
        begin = end - fade
        if fade:
            fall, rise = _fades(fade)
            out[begin:end] *= fall
            out[begin:end] += piece[:fade] * rise
        end = min(begin + len(piece), samples)
        out[begin + fade : end] = piece[fade : end - begin]
        if end >= samples:
            return out
        piece = _load(root, paths[turn % len(paths)], sample_rate)


@lru_cache(maxsize=16)
def _fades(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Falling and rising half of an equal-power cross-fade, each float32 (samples,)."""
    angle = (np.arange(samples) + 0.5) / samples * (np.pi / 2)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def _place(sound: Sound, background: np.ndarray, root: str, sample_rate: int) -> PlacedSound:
    """Cut a sound out of its file, change it as the recipe says and scale it to its EBR."""
    samples = _cut(sound, root, sample_rate)
    if sound.augment:
        samples = _equalise(samples, sound.augment.eq_db, sample_rate)
        if sound.augment.reverb:
            samples = _reverberate(samples, sound.augment.reverb, sample_rate)
    latest = len(background) - len(samples)
    first = min(round(sound.start * sample_rate), latest)
    if sound.level_seconds:  # the ratio of all of the event to all of the background
        begin, end = np.round(np.multiply(sound.level_seconds, sample_rate)).astype(int)
        level = rms(_load(root, sound.path, sample_rate)[begin:end])
        under = rms(background)
    else:
        level = rms(samples)
        under = rms(background[first : first + len(samples)])
    if level == 0:
        raise DataError(f"{os.path.join(root, sound.path)}: the event is silent")
    # A silent background counts as the noise floor, which is added after the gain.
    under = max(under, 10 ** (NOISE_FLOOR_DB / 20) / MIXTURE_GAIN)
    factor = float(f"{under / level * 10 ** (sound.ebr / 20):.7g}")
    return PlacedSound(first, samples * np.float32(factor), factor)


def _cut(sound: Sound, root: str, sample_rate: int) -> np.ndarray:
    """The sound's segment, played at its speed: float32 (length * sample_rate,)."""
    audio = _load(root, sound.path, sample_rate)
    begin = round(sound.segment_start * sample_rate)
    end = round(sound.segment_end * sample_rate)
    if end > len(audio) + 0.01 * sample_rate:
        raise DataError(
            f"{os.path.join(root, sound.path)}: {len(audio) / sample_rate:.3f} s long, "
            f"the recipe's event ends at {sound.segment_end} s"
        )
    segment = audio[begin:end]
    length = max(1, round(sound.length * sample_rate))
    if abs(length - len(segment)) <= 1:  # plain speed; rounding may differ by one sample
        return segment[:length]
    places = np.linspace(0, len(segment) - 1, length)
    return np.interp(places, np.arange(len(segment)), segment).astype(np.float32)


def _equalise(samples: np.ndarray, gains_db: tuple[float, ...], sample_rate: int) -> np.ndarray:
    """Smooth equaliser: gains in dB at frequencies spaced evenly on a logarithmic scale."""
    size = next_fast_len(len(samples) + round(0.05 * sample_rate), real=True)
    frequencies = np.log(np.maximum(rfftfreq(size, 1 / sample_rate), 1.0))
    controls = np.linspace(*np.log(EQ_EDGES), len(gains_db))
    gains = (10 ** (np.interp(frequencies, controls, gains_db) / 20)).astype(np.float32)
    return irfft(rfft(samples, size) * gains, size)[: len(samples)]


def _reverberate(samples: np.ndarray, room: Reverb, sample_rate: int) -> np.ndarray:
    """A room's decaying noise after the direct sound; what outlasts the segment is cut."""
    rng = np.random.default_rng(room.seed)
    time = np.arange(round(room.seconds * sample_rate), dtype=np.float32) / sample_rate
    tail = rng.standard_normal(len(time), np.float32) * np.exp(-6.9 / room.seconds * time)
    tail *= np.float32(10 ** (room.level_db / 20) / np.sqrt(np.square(tail).sum()))
    return samples + oaconvolve(samples, tail)[: len(samples)].astype(np.float32)


def _masker(layer, sound: np.ndarray, root: str, sample_rate: int, samples: int) -> np.ndarray:
    """Noise float32 (samples,) that is as loud as the sound in the sound's band."""
    noise = np.resize(_noise()[round(layer.start * sample_rate) :], samples)
    if layer.path:
        noise = _background(Background(layer.path, layer.start), root, sample_rate, samples)
    return as_loud(noise, sound, sample_rate, layer.ratio_db)


def _add_noise(mixture: np.ndarray, seed: int) -> None:
    """Add the noise floor in place: a stretch of fixed noise that begins where the seed says."""
    noise = _noise()
    begin = seed % len(noise)
    done = 0
    while done < len(mixture):
        count = min(len(noise) - begin, len(mixture) - done)
        mixture[done : done + count] += noise[begin : begin + count]
        done += count
        begin = 0


@lru_cache(maxsize=1)
def _noise() -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(NOISE_SAMPLES, np.float32)
    return noise * np.float32(10 ** (NOISE_FLOOR_DB / 20))


_cache: OrderedDict[tuple, np.ndarray] = OrderedDict()


def _load(root: str, path: str, sample_rate: int) -> np.ndarray:
    """A whole file of the bank, decoded once per process while CACHE_BYTES suffice."""
    key = (root, path, sample_rate)
    if key in _cache:
        _cache.move_to_end(key)
        return _cache[key]
    audio = read_audio(os.path.join(root, path), sample_rate)
    audio.flags.writeable = False
    _cache[key] = audio
    while sum(a.nbytes for a in _cache.values()) > CACHE_BYTES and len(_cache) > 1:
        _cache.popitem(last=False)
    return audio
