"""Long recordings: a continuous background with a sound now and then, and what a model hears."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile as sf

from audiodet.data.mixing.draws import RecipeDraws
from audiodet.data.mixing.recipes import Recipe, Sound
from audiodet.data.mixing.rendering import render
from audiodet.data.mixing.soundbank import Clip
from audiodet.errors import DataError
from audiodet.evaluation import ClipResult, score_clips
from audiodet.evaluation.scores import rates
from audiodet.events import Event, thresholds_by_label
from audiodet.inference.detector import FLOOR, Detector
from audiodet.postprocessing.contrast import contrasted_nearby

SAMPLE_RATE = 44100  # Hz
SCENE = 30.0  # seconds that a background is looped before the next one
APART = 1.0  # least seconds between two sounds
PLACES = 1000  # draws of a sound's place before the recording counts as full
FACTORS = np.round(np.geomspace(0.25, 4.0, 41), 3)  # of the default thresholds
ALARMS = 10.0  # an hour of each label, to compare what models find with as many false alarms


def long_recipe(clips: list[Clip], name: str, duration: float, every: float, seed: int) -> Recipe:
    """A recording of ``duration`` seconds with a sound every ``every`` seconds on average.

    Half of the sounds are distractors, the others events, all labels equally often; ratios are the
    mixtures' -6, 0 and 6 dB.
    """
    draws = RecipeDraws(clips, f"{seed}/{name}", duration=duration)
    labels = sorted({clip.label for clip in clips if clip.kind == "events"})
    kinds = [("events", label) for label in labels] + [("distractors", "")] * len(labels)
    places = draws.stream("long places")
    sounds = {"events": [], "distractors": []}
    placed = []
    for _ in range(round(duration / every)):
        kind, label = draws.deal("kinds", kinds)
        sound = _at_free_place(draws.sound(kind, label), placed, duration, places)
        placed.append(sound)
        sounds[kind].append(sound)
    scene = draws.scene(name)
    chain = []
    seconds = 0.0
    while seconds < duration + SCENE:
        clip = draws.deal("backgrounds", draws.pools["backgrounds", ""])
        loops = max(1, round(SCENE / clip.duration))
        chain += [clip.path] * loops
        seconds += loops * clip.duration
    background = replace(scene.background, chain=tuple(chain))
    events = tuple(sorted(sounds["events"], key=lambda sound: sound.start))
    return replace(
        scene, background=background, more_events=events, distractors=tuple(sounds["distractors"])
    )


def _at_free_place(sound: Sound, placed: list[Sound], duration: float, rng: random.Random) -> Sound:
    for _ in range(PLACES):
        moved = replace(sound, start=round(rng.uniform(0, duration - sound.length), 4))
        gaps = [max(x.start - moved.end, moved.start - x.end) for x in placed]
        if min(gaps, default=APART) >= APART:
            return moved
    raise DataError(f"no place for {sound.length:.1f} s of {sound.path}, expected fewer sounds")


def write_recording(recipe: Recipe, root: str, folder: Path) -> ClipResult:
    """Write the recording, 24 bits, and return its truth."""
    path = folder / recipe.name
    samples = render(recipe, root, SAMPLE_RATE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sf.write(path, samples, SAMPLE_RATE, "PCM_24")
    except (OSError, sf.LibsndfileError) as error:
        path.unlink(missing_ok=True)
        raise DataError(f"{path}: cannot be written ({error}), expected room for it") from error
    truth = sorted(Event(*annotation) for annotation in recipe.annotations)
    return ClipResult(recipe.name, recipe.duration, truth)


def hear(name: str, truth: ClipResult, folder: Path) -> tuple[ClipResult, dict[str, float]]:
    """The recording with all candidates of a model, and the model's default thresholds."""
    detector = Detector.from_pretrained(name, device="cpu", thresholds=0.0)
    thresholds = thresholds_by_label(detector.cfg.TEST.THRESHOLDS, detector.labels)
    return replace(truth, candidates=detector.detect(folder / truth.name)), thresholds


def contrasted_as_detected(heard: list[tuple[ClipResult, dict]], weight: float) -> list:
    """The same as ``audiodet detect --contrast`` has them: of candidates that its floor lets in."""
    found = []
    for clip, thresholds in heard:
        candidates = [event for event in clip.candidates if event.score >= FLOOR]
        candidates = contrasted_nearby(candidates, weight)
        found.append((replace(clip, candidates=candidates), thresholds))
    return found


def counts_at(heard: list[tuple[ClipResult, dict]], factor: float = 1.0) -> np.ndarray:
    """Counts (folds, labels, 3) of recordings at their default thresholds times ``factor``.

    Labels are sorted. sed_eval's counts: a hit's onset is within 0.5 s of the true one.
    """
    counts = []
    for clip, defaults in heard:
        thresholds = {label: factor * value for label, value in defaults.items()}
        counts.append(score_clips([clip], sorted(defaults), thresholds).counts[0])
    return np.array(counts)


def figures(counts: np.ndarray, labels: list[str], hours: float) -> dict[str, dict[str, float]]:
    """{label or "all": precision, recall, F1 in percent, false alarms an hour, events}."""
    totals = dict(zip(labels, counts.sum(axis=0)))
    table = {}
    for label, total in {**totals, "all": counts.sum(axis=(0, 1))}.items():
        row = {x: float(rates(total)[x]) for x in ("precision", "recall", "F1")}
        hits, false_alarms, missed = map(float, total)
        table[label] = {**row, "false alarms/h": false_alarms / hours, "events": hits + missed}
    return table


def report(heard: list[tuple[ClipResult, dict]]) -> dict:
    """Figures of four choices of thresholds, by name.

    "default": the models' own. "times x": one factor for all, the best for these very recordings,
    which is no result. "from other folds": each label's factor has the best F1 on the other folds.
    "10 false alarms/h": each label's factor comes nearest to that rate, which is no result either.
    """
    labels = sorted(heard[0][1])
    hours = sum(clip.duration for clip, _ in heard) / 3600
    counts = np.stack([counts_at(heard, factor) for factor in FACTORS])
    best = np.argmax(rates(counts.sum(axis=(1, 2)))["F1"])
    chosen = {"default": counts_at(heard), f"times {FACTORS[best]:.2f}": counts[best]}
    if len(heard) > 1:
        others = counts.sum(axis=1, keepdims=True) - counts
        factor = np.argmax(rates(others)["F1"], axis=0)  # (folds, labels)
        carried = np.take_along_axis(counts, factor[None, :, :, None], axis=0)
        chosen["from other folds"] = carried[0]
    false_alarms = counts[..., 1].sum(axis=1) / hours
    nearest = np.argmin(np.abs(false_alarms - ALARMS), axis=0)  # (labels,)
    alike = np.take_along_axis(counts, nearest[None, None, :, None], axis=0)
    chosen[f"{ALARMS:g} false alarms/h"] = alike[0]
    return {name: figures(x, labels, hours) for name, x in chosen.items()}
