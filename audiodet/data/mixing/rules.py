"""Recipes of mixtures by the rules of three data sets.

Each function draws ``n`` recipes from ``clips`` (events, backgrounds and distractors; where it
takes several ``labels``, a distractor of one of them is an event). The same ``seed`` gives the same
recipes. File names are ``<name>_<number>.wav``. Further arguments are those of
:class:`RecipeDraws`. DataError where a wanted sound or all backgrounds are missing, or a sound is
longer than its mixture.

Recipes of :func:`make_recipes` are of one target label. The others have their sounds in
``more_events`` and neither target nor source group: every class is scored in every mixture, and a
mixture has many sources.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audiodet.data.mixing.draws import RecipeDraws, as_events
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.soundbank import Clip
from audiodet.errors import DataError

# Of Kong et al. 2019:
RATIOS = (20, 10, 0)  # in dB
STARTS = (0.5, 3.0, 5.5)  # seconds
LONGEST = 2.0  # seconds of an event; a longer one is cut there


def make_recipes(
    clips: Iterable[Clip],
    target: str,
    n: int,
    seed: int,
    *,
    presence: float = 0.5,
    distractors: int | tuple[int, int] = 0,
    balanced: bool = False,
    max_events: int = 1,
    maskers: Sequence[str] = (),
    name: str = "mixture",
    **rules,
) -> list[Recipe]:
    """Recipes as in DCASE 2017 Task 2: one target label, present or absent.

    Args:
        target: the label; file names are ``<name>_<target>_<number>.wav``.
        presence: exactly ``round(n * presence)`` recipes hold the target.
        distractors: in each, a number or (least, most); they, and maskers, change nothing else.
        max_events: most in a positive mixture: one of ``target``, none over another of its label.
        maskers: labels of backgrounds that, like white noise, lie over it all; () for none.
    """
    if not 0 <= presence <= 1:
        raise DataError(f"presence {presence}, expected 0 to 1")
    draws = RecipeDraws(clips, f"{seed}/{target}", balanced=balanced, **rules)
    present = [i < round(n * presence) for i in range(n)]
    draws.stream("presence").shuffle(present)
    recipes = []
    for i, positive in enumerate(present):
        recipe = replace(draws.scene(f"{name}_{target}_{i:04d}.wav"), target=target)
        if positive:
            event = draws.sound("events", target)
            others = draws.more_events(event, max_events - 1)
            recipe = replace(recipe, event=event, more_events=others, source_group=event.group)
        masker = draws.masker(recipe, target, maskers) if maskers else None
        recipes.append(replace(recipe, distractors=draws.distractors(distractors), masker=masker))
    return recipes


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
    """Draw recipes as in TUT-SED Synthetic 2016 (Çakır et al. 2017): classes overlap.

    Args:
        classes, sounds: least and most classes of a mixture, and sounds of each of them.
        longest: of a sound, in seconds; a longer one is cut there.
    """
    if not 1 <= classes[0] <= classes[1] <= len(labels):
        raise DataError(f"{classes} classes a mixture, expected 1 to {len(labels)}, the labels")
    pool = as_events(clips, labels, longest)
    draws = RecipeDraws(pool, f"{seed}/polyphonic", ebrs=ebrs, duration=duration, **rules)
    rng = draws.stream("classes")
    recipes = []
    for i in range(n):
        scene = draws.scene(f"{name}_{i:04d}.wav")
        events = []
        for label in rng.sample(list(labels), rng.randint(*classes)):
            for _ in range(rng.randint(*sounds)):
                events.append(draws.sound("events", label))
        events.sort(key=lambda event: event.start)
        recipes.append(replace(scene, more_events=tuple(events), source_group=None))
    return recipes


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
    """Draw recipes as Kong et al. 2019: three events one after another in a scene.

    Args:
        labels: classes to draw from, equally often.
        ratio: RMS of the whole event, before it is cut, over that of the whole scene, in dB.
            Recipes of another ratio differ in nothing else.
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
