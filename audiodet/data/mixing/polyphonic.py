"""Recipes of polyphonic mixtures, by the rules of TUT-SED Synthetic 2016 (Çakır et al. 2017).

A mixture draws some classes; of each, several recorded sounds lie at random places, so that sounds
of different classes overlap. Recipes have the sounds in ``more_events`` and neither target nor
source group: every class is scored in every mixture, and a mixture has many sources.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audiodet.data.mixing.draws import RecipeDraws, as_events
from audiodet.data.mixing.recipes import Recipe, Sound
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
    duration: float = 20.0,
    name: str = "mixture",
    **rules,
) -> list[Recipe]:
    """Draw recipes.

    Args:
        clips: events, backgrounds and distractors; a distractor of one of the labels is an event.
        n, seed: number of recipes; the same seed gives the same ones.
        classes, sounds: least and most classes of a mixture, and sounds of each of them.
        longest: of a sound, in seconds; a longer one is cut there.
        name: start of the file names, ``<name>_<number>.wav``.
        ebrs, duration, rules: see :class:`RecipeDraws`.

    Raises:
        DataError: a label has no sound, there is no background, or a mixture wants more classes
            than there are labels.
    """
    if not 1 <= classes[0] <= classes[1] <= len(labels):
        raise DataError(f"{classes} classes a mixture, expected 1 to {len(labels)}, the labels")
    pool = as_events(clips, labels, longest)
    draws = RecipeDraws(pool, f"{seed}/polyphonic", ebrs=ebrs, duration=duration, **rules)
    recipes = []
    for i in range(n):
        scene = draws.scene(f"{name}_{i:04d}.wav")
        events = _draw_events(draws, labels, classes, sounds)
        recipes.append(replace(scene, more_events=events, source_group=None))
    return recipes


def _draw_events(
    draws: RecipeDraws, labels: Sequence[str], classes: tuple[int, int], sounds: tuple[int, int]
) -> tuple[Sound, ...]:
    """Sounds of some of the labels, in order of their starts."""
    rng = draws.stream("classes")
    events = []
    for label in rng.sample(list(labels), rng.randint(*classes)):
        for _ in range(rng.randint(*sounds)):
            events.append(draws.sound("events", label))
    return tuple(sorted(events, key=lambda event: event.start))
