"""Recipes of mixtures by the rules of Kong et al. 2019: three events one after another in a scene.

Recipes are those of :mod:`audiodet.data.mixing.recipes` with the events in "more_events" and neither
target nor source group, as in :mod:`audiodet.data.mixing.polyphonic`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audiodet.data.mixing.draws import RecipeDraws
from audiodet.data.mixing.recipes import annotation_string, no_event
from audiodet.data.mixing.soundbank import Clip

STARTS = (0.5, 3.0, 5.5)  # seconds
LONGEST = 2.0  # seconds of an event; a longer one is cut there


def make_remix_recipes(
    clips: Iterable[Clip],
    labels: Sequence[str],
    n: int,
    seed: int,
    *,
    ratio: float,
    duration: float = 10.0,
    augment: bool = False,
    name: str = "mixture",
) -> list[dict]:
    """Draw recipes; those of another ``ratio`` differ in nothing else.

    Args:
        clips: events, backgrounds and distractors; a distractor of one of the labels is an event.
        labels: classes to draw from, equally often.
        n: number of recipes.
        seed: the same seed gives the same recipes.
        ratio: RMS of the whole event, before it is cut, over that of the whole scene, in dB.
        duration: of a mixture, in seconds.
        augment: see :func:`audiodet.data.mixing.recipes.make_recipes`.
        name: start of the file names, ``<name>_<number>.wav``.

    Raises:
        DataError: a label has no sound, or there is no background.
    """
    whole = {clip.path: [clip.onset, clip.offset] for clip in clips}
    pool = [_as_event(clip) if clip.label in labels else clip for clip in clips]
    settings = {"ebrs": [ratio], "jitter": 0.0, "duration": duration, "augment": augment}
    draw = RecipeDraws(pool, f"{seed}/remix", True, settings)
    recipes = []
    for i in range(n):
        recipe = {**draw.background(), **no_event(), "event_present": False, "distractors": []}
        del recipe["event_group"]
        recipe["more_events"] = [
            _place(draw.sound("events", draw.deal("labels", list(labels))), start, whole)
            for start in STARTS
        ]
        recipe.update(target=None, source_group=None, mixture_audio_filename=f"{name}_{i:04d}.wav")
        recipe["annotation_string"] = annotation_string(recipe)
        recipes.append(recipe)
    return recipes


def _place(event: dict, start: float, whole: dict) -> dict:
    level = whole[event["event_path"]]
    return {**event, "event_start_in_mixture_seconds": start, "level_seconds": level}


def _as_event(clip: Clip) -> Clip:
    return replace(clip.cut(LONGEST), kind="events")
