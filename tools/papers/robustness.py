"""How a model fares with what is not as in its training: levels, rates, clipping, crowds, hours."""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import soxr
from tqdm import tqdm

from audiodet.audio import notes
from audiodet.data.datasets.rare_mini import CONDITIONS, RARE_LABELS, rare_mini_recipes
from audiodet.data.mixing.draws import RecipeDraws
from audiodet.data.mixing.levels import rms
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.soundbank import Clip
from audiodet.evaluation import ClipResult, score_clips
from audiodet.events import Event, thresholds_by_label
from audiodet.inference.detector import Detector
from papers.long import figures

RATE = 44100  # Hz of the recordings that are changed
LEVELS = (-50, -40, -30, -20, -10)  # RMS, dB relative to full scale; nothing is cut off
RATES = (8000, 16000, 22050, 32000, 48000, 96000, 192000)  # Hz
HEADROOM = (6, 20)  # dB under the peak at which samples are cut off
GAP = 3.0  # seconds from the end of an event to the next one
CROWD = 5  # most events in a crowded clip


def at_level(samples: np.ndarray, decibels: float) -> tuple[np.ndarray, int]:
    """The recording with this RMS."""
    return samples * np.float32(10 ** (decibels / 20) / rms(samples)), RATE


def at_rate(samples: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
    """The recording as sampled at another rate."""
    return soxr.resample(samples, RATE, rate), rate


def clipped(samples: np.ndarray, decibels: float) -> tuple[np.ndarray, int]:
    """The recording, so loud that it is cut off this far under its peak."""
    loudest = np.abs(samples).max() * np.float32(10 ** (-decibels / 20))
    return np.clip(samples / loudest, -1, 1), RATE


def changes() -> dict[str, Callable]:
    """{name: samples at RATE -> (samples, rate)}."""
    rows = {"as it is": lambda samples: (samples, RATE)}
    rows |= {f"RMS {x} dBFS": partial(at_level, decibels=x) for x in LEVELS}
    rows |= {f"{x / 1000:g} kHz": partial(at_rate, rate=x) for x in RATES}
    rows |= {f"clipped {x} dB under the peak": partial(clipped, decibels=x) for x in HEADROOM}
    return rows


def fold_recipes(fold: int, clips: int, conditions: Collection[str] = CONDITIONS) -> list[Recipe]:
    """Test clips of a fold, as many of each condition, spread evenly over its labels and draws."""
    recipes = []
    for number, condition in enumerate(conditions):
        every = rare_mini_recipes(f"rare_mini_{condition}_fold{fold}_test")
        places = np.linspace(0, len(every), -(-clips // len(conditions)), endpoint=False)
        recipes += [every[(int(place) + number) % len(every)] for place in places]
    return recipes[:clips]


def crowded_recipes(clips: list[Clip], count: int, seed: int = 0) -> list[Recipe]:
    """Clips of up to CROWD events of any labels, each GAP seconds after the one before."""
    draws = RecipeDraws(clips, f"{seed}/3 s apart")
    recipes = []
    for number in range(count):
        scene = draws.scene(f"apart_{number:04d}.wav")
        start = 1.0
        events = []
        while len(events) < CROWD:
            event = replace(draws.sound("events", draws.deal("labels", RARE_LABELS)), start=start)
            if event.end > scene.duration:
                break
            events.append(event)
            start = event.end + GAP
        recipes.append(replace(scene, more_events=tuple(events), source_group=None))
    return recipes


class Listener:
    """A model that says what it finds in recordings, and whether detection warned of them."""

    def __init__(self, name: str):
        self.detector = Detector.from_pretrained(name, device="cpu", thresholds=0.0)
        cfg = self.detector.cfg
        self.thresholds = thresholds_by_label(cfg.TEST.THRESHOLDS, self.detector.labels)

    def counts(self, clip: ClipResult, source) -> tuple[np.ndarray, bool]:
        """sed_eval's counts (labels, 3) at the default thresholds, and whether detection warned."""
        with _warnings() as said:
            (found,) = self.detector.detect_many([source], workers=1)
        if found.error:
            raise found.error
        clip = replace(clip, candidates=found.events)
        return score_clips([clip], sorted(self.thresholds), self.thresholds).counts[0], bool(said)


@contextmanager
def _warnings() -> Iterator[list]:
    """What is said of recordings meanwhile, which is kept from the screen."""
    said = []
    handler = logging.Handler()
    handler.emit = said.append
    notes.logger.addHandler(handler)
    notes.logger.propagate = False
    try:
        yield said
    finally:
        notes.logger.propagate = True
        notes.logger.removeHandler(handler)


def row(counts: list[np.ndarray], seconds: float, warned: list[bool]) -> dict[str, float]:
    """Figures of a condition from each recording's counts: F1 in percent, false alarms an hour."""
    table = figures(np.array(counts), sorted(RARE_LABELS), seconds / 3600)
    found = {label: table[label]["F1"] for label in RARE_LABELS}
    total = table["all"]
    return {
        "F1 %": total["F1"],
        **found,
        "recall %": total["recall"],
        "false alarms/h": total["false alarms/h"],
        "events": total["events"],
        "clips": len(counts),
        "warned %": 100 * sum(warned) / len(warned),
    }


def heard(listeners: list[Listener], recipes: list[list[Recipe]], sources: Callable) -> dict:
    """{condition: its row}: each listener hears its own recipes.

    Args:
        sources: recipe -> {condition: what :meth:`Listener.counts` takes}.
    """
    found = {}
    seconds = 0.0
    clips = [(listener, x) for listener, own in zip(listeners, recipes, strict=True) for x in own]
    for listener, recipe in tqdm(clips, unit="clip"):
        truth = sorted(Event(*annotation) for annotation in recipe.annotations)
        clip = ClipResult(recipe.name, recipe.duration, truth)
        seconds += recipe.duration
        for name, source in sources(recipe).items():
            found.setdefault(name, []).append(listener.counts(clip, source))
    rows = {}
    for name, each in found.items():
        counts, warned = zip(*each)
        rows[name] = row(counts, seconds, warned)
    return rows
