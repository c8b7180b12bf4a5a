"""rare-varied: training mixtures of rare-mini's labels, one set for each fold of the sound bank.

A set holds that fold's own sources only, so a detector that is tested on one fold learns from the
sets of the other three, one that ships from all four, and what is computed from a clip (the maps
of a frozen network) serves them all. Backgrounds, ratios and numbers of sounds vary more than in
rare-mini's own training clips.
"""

import re

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
RARE_VARIED_NAMES = tuple(f"rare_varied_fold{fold}_train" for fold in range(FOLDS))


def _draw(name: str, bank: SoundBank) -> list[Recipe]:
    fold = int(re.search(r"fold(\d)", name)[1])
    clips = bank.select(folds=[fold])
    rules = {**RULES, "duration": TRAIN_SECONDS, "name": name}
    recipes = []
    for label in RARE_LABELS:
        recipes += make_recipes(clips, label, CLIPS, 8000 + fold, balanced=True, **rules)
    return recipes


RARE_VARIED = StandIn(RARE_VARIED_NAMES, RARE_LABELS, _draw, kinds=("events",))
