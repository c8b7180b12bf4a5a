"""rare-varied: training mixtures for rare-mini's tests, more varied than rare-mini's own.

Every clip holds the sources of one fold of the sound bank only. ``rare_varied_fold{k}_train`` has
the clips of the other three folds and ``rare_varied_all_train`` all, so a clip is the same in every
set it is in, and what is computed from it (the maps of a frozen network) serves them all.
"""

import re
from functools import cache

from audiodet.data.datasets.rare_mini import RARE_LABELS, TRAIN_SECONDS
from audiodet.data.datasets.standins import StandIn
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.rules import make_recipes
from audiodet.data.mixing.soundbank import FOLDS, SoundBank

CLIPS = 1200  # per label
RULES = {
    "presence": 0.75,
    "ebrs": (-8.0, -4.0, 0.0, 6.0),
    "ebr_jitter": 3.0,
    "distractors": (0, 3),
    "max_events": 2,
    "augment": True,
}
RARE_VARIED_NAMES = (
    *(f"rare_varied_fold{fold}_train" for fold in range(FOLDS)),
    "rare_varied_all_train",
)


def _draw(name: str, bank: SoundBank) -> list[Recipe]:
    tested = re.search(r"fold(\d)", name)
    left_out = int(tested[1]) if tested else None
    recipes = []
    for fold in range(FOLDS):
        if fold != left_out:
            recipes += _of_fold(fold, bank)
    return recipes


@cache
def _of_fold(fold: int, bank: SoundBank) -> list[Recipe]:
    clips = bank.select(folds=[fold])
    rules = {**RULES, "duration": TRAIN_SECONDS, "name": f"rare_varied_of_fold{fold}"}
    recipes = []
    for label in RARE_LABELS:
        recipes += make_recipes(clips, label, CLIPS, 8000 + fold, balanced=True, **rules)
    return recipes


RARE_VARIED = StandIn(RARE_VARIED_NAMES, RARE_LABELS, _draw, kinds=("events",))
