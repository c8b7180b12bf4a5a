"""Recipes of polyphonic mixtures, by the rules of TUT-SED Synthetic 2016 (Çakır et al. 2017).

A mixture draws some classes; of each, several recorded sounds lie at random places, so that sounds
of different classes overlap. Recipes are those of :mod:`audiodet.data.mixing.recipes` with the sounds in
"more_events" and neither target nor source group: every class is scored in every mixture, and a
mixture has many sources.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audiodet.data.mixing.draws import RecipeDraws
from audiodet.data.mixing.recipes import annotation_string, no_event
from audiodet.data.mixing.soundbank import Clip
from audiodet.errors import DataError


def make_polyphonic_recipes(
    clips: Iterable[Clip],
    labels: Sequence[str],
    n: int,
    seed: int,
    *,
    classes: tuple[int, int] = (2, 5),
    sounds: tuple[int, int] = (2, 4),
    longest: float = 8.0,
    ebrs: Sequence[float] = (0.0, 6.0, 12.0),
    ebr_jitter: float = 0.0,
    duration: float = 20.0,
    augment: bool = False,
    name: str = "mixture",
) -> list[dict]:
    """Draw recipes.

    Args:
        clips: events, backgrounds and distractors; a distractor of one of the labels is an event.
        labels: classes to draw from.
        n: number of recipes.
        seed: the same seed gives the same recipes.
        classes: least and most classes of a mixture.
        sounds: least and most sounds of each of its classes.
        longest: of a sound, in seconds; a longer one is cut there.
        ebrs: event-to-background ratios, used equally often, in dB.
        ebr_jitter: largest change of a drawn ratio, in dB.
        duration: of a mixture, in seconds.
        augment: see :func:`audiodet.data.mixing.recipes.make_recipes`.
        name: start of the file names, ``<name>_<number>.wav``.

    Raises:
        DataError: a label has no sound, there is no background, or a mixture wants more classes
            than there are labels.
    """
    if not 1 <= classes[0] <= classes[1] <= len(labels):
        raise DataError(f"{classes} classes a mixture, expected 1 to {len(labels)}, the labels")
    pool = [_as_event(clip, longest) if clip.label in labels else clip for clip in clips]
    settings = {"ebrs": ebrs, "jitter": ebr_jitter, "duration": duration, "augment": augment}
    draw = RecipeDraws(pool, f"{seed}/polyphonic", True, settings)
    rng, recipes = draw.stream("classes"), []
    for i in range(n):
        recipe = {**draw.background(), **no_event(), "event_present": False, "distractors": []}
        del recipe["event_group"]
        chosen = rng.sample(list(labels), rng.randint(*classes))
        events = [draw.sound("events", k) for k in chosen for _ in range(rng.randint(*sounds))]
        recipe["more_events"] = sorted(events, key=lambda e: e["event_start_in_mixture_seconds"])
        recipe.update(target=None, source_group=None, mixture_audio_filename=f"{name}_{i:04d}.wav")
        recipe["annotation_string"] = annotation_string(recipe)
        recipes.append(recipe)
    return recipes


def _as_event(clip: Clip, longest: float) -> Clip:
    return replace(clip.cut(longest), kind="events")
