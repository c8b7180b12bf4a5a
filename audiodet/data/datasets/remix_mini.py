"""remix-mini: three events in a scene, clip labels to learn from (Kong et al. 2019).

Clips of 10 s by :mod:`audiodet.data.mixing.remix` at 20, 10 and 0 dB, from a sound bank; the
three differ in the level of the events only. Four-fold cross-validation over the bank's folds: a
fold's test clips use that fold's sources, its training clips those of the others. Training clips
have clip labels alone, test clips strong ones; the recipe renders event and scene apart, so masks
can be scored (:mod:`audiodet.data.mixing.mask_truth`).
"""

import re

from audiodet.data.datasets.poly_mini import POLY_LABELS
from audiodet.data.datasets.standins import StandIn
from audiodet.data.labels.annotations import weakened
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.remix import RATIOS, make_remix_recipes
from audiodet.data.mixing.soundbank import FOLDS, SoundBank

REMIX_LABELS = POLY_LABELS
CLIPS = {"train": 2000, "test": 200}  # of each fold
REMIX_MINI_NAMES = tuple(
    f"remix_mini_{ratio}db_fold{fold}_{split}"
    for ratio in RATIOS
    for fold in range(FOLDS)
    for split in CLIPS
)


def _draw(name: str, bank: SoundBank) -> list[Recipe]:
    ratio, fold, split = re.fullmatch(r"remix_mini_(\d+)db_fold(\d)_(\w+)", name).groups()
    fold = int(fold)
    is_test = split == "test"
    folds = {fold} if is_test else set(range(FOLDS)) - {fold}
    clips = [
        clip
        for clip in bank.select(folds=folds)
        if clip.kind == "backgrounds" or clip.label in REMIX_LABELS
    ]
    return make_remix_recipes(
        clips,
        REMIX_LABELS,
        CLIPS[split],
        10 * fold + list(CLIPS).index(split),
        ratio=float(ratio),
        augment=not is_test,
        name=name,
    )


def _finish(clips: list[dict], name: str) -> list[dict]:
    return [weakened(clip) for clip in clips] if name.endswith("_train") else clips


REMIX_MINI = StandIn(REMIX_MINI_NAMES, REMIX_LABELS, _draw, _finish)
load_remix_mini = REMIX_MINI.load
remix_mini_hash = REMIX_MINI.hash
