"""Recipes of mixtures by the rules of Kong et al. 2019: three events one after another in a scene.

Recipes have the events in ``more_events`` and neither target nor source group, as in
:mod:`audiodet.data.mixing.polyphonic`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audiodet.data.mixing.draws import RecipeDraws, as_events
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.soundbank import Clip

RATIOS = (20, 10, 0)  # of the paper, in dB
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
) -> list[Recipe]:
    """Draw recipes; those of another ``ratio`` differ in nothing else.

    Args:
        clips: events, backgrounds and distractors; a distractor of one of the labels is an event.
        labels: classes to draw from, equally often.
        n, seed: number of recipes; the same seed gives the same ones.
        ratio: RMS of the whole event, before it is cut, over that of the whole scene, in dB.
        duration, augment: see :class:`RecipeDraws`.
        name: start of the file names, ``<name>_<number>.wav``.

    Raises:
        DataError: a label has no sound, or there is no background.
    """
    clips = list(clips)
    whole = {clip.path: (clip.onset, clip.offset) for clip in clips}
    pool = as_events(clips, labels, LONGEST)
    draws = RecipeDraws(pool, f"{seed}/remix", ebrs=[ratio], duration=duration, augment=augment)
    recipes = []
    for i in range(n):
        scene = draws.scene(f"{name}_{i:04d}.wav")
        events = []
        for start in STARTS:
            event = draws.sound("events", draws.deal("labels", list(labels)))
            events.append(replace(event, start=start, level_seconds=whole[event.path]))
        recipes.append(replace(scene, more_events=tuple(events), source_group=None))
    return recipes
