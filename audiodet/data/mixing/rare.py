"""Recipes by the rules of DCASE 2017 Task 2: one target label, present or absent."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audiodet.data.mixing.draws import RecipeDraws
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.soundbank import Clip
from audiodet.errors import DataError


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
    name: str = "mixture",
    **rules,
) -> list[Recipe]:
    """Draw recipes for one target label.

    Args:
        clips: events, backgrounds and distractors to draw from.
        n: number of recipes; exactly ``round(n * presence)`` hold the target.
        seed: the same seed gives the same recipes; those that differ in ``distractors`` only are
            alike in all else.
        distractors: sounds of kind "distractors" in each mixture, a number or (least, most).
        max_events: most events in a positive mixture: one of ``target``, the others of any label,
            none over another of its label.
        name: start of the file names, ``<name>_<target>_<number>.wav``.
        balanced, rules: see :class:`RecipeDraws`.

    Raises:
        DataError: no event of the label, no background, or no distractor where one is wanted;
            an event is longer than the mixture; presence is no share.
    """
    if not 0 <= presence <= 1:
        raise DataError(f"presence {presence}, expected 0 to 1")
    draws = RecipeDraws(clips, f"{seed}/{target}", balanced=balanced, **rules)
    recipes = []
    for i, positive in enumerate(_presences(draws, n, presence)):
        recipe = replace(draws.scene(f"{name}_{target}_{i:04d}.wav"), target=target)
        if positive:
            recipe = _with_events(recipe, draws, max_events)
        recipes.append(replace(recipe, distractors=draws.distractors(distractors)))
    return recipes


def _with_events(recipe: Recipe, draws: RecipeDraws, most: int) -> Recipe:
    event = draws.sound("events", recipe.target)
    others = draws.more_events(event, most - 1)
    return replace(recipe, event=event, more_events=others, source_group=event.group)


def _presences(draws: RecipeDraws, n: int, presence: float) -> Sequence[bool]:
    """Which of the mixtures hold the target."""
    positives = round(n * presence)
    present = [True] * positives + [False] * (n - positives)
    draws.stream("presence").shuffle(present)
    return present
