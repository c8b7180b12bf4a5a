"""remix-mini: three events in a scene, clip labels to learn from (Kong et al. 2019).

Clips of 10 s by :mod:`audiodet.data.mixing.rules` at 20, 10 and 0 dB, from a sound bank; the
three differ in the level of the events only. Four-fold cross-validation over the bank's folds: a
fold's test clips use that fold's sources, its training clips those of the others: "train" all of
them, "fit" those that "val" leaves. Training clips have clip labels alone, the others strong ones;
the recipe renders event and scene apart, so masks can be scored
(:mod:`audiodet.data.mixing.mask_truth`).
"""

import re

from audiodet.data.datasets.poly_mini import POLY_LABELS
from audiodet.data.datasets.standins import StandIn
from audiodet.data.labels.annotations import weakened
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.rules import RATIOS, make_remix_recipes
from audiodet.data.mixing.soundbank import FOLDS, Clip, SoundBank, hold_out

REMIX_LABELS = POLY_LABELS
CLIPS = {"train": 2000, "test": 200, "fit": 2000, "val": 200}  # of each fold
HELD_OUT = 0.15  # share of source groups that validation takes from the training folds
REMIX_MINI_NAMES = tuple(
    f"remix_mini_{ratio}db_fold{fold}_{split}"
    for ratio in RATIOS
    for fold in range(FOLDS)
    for split in CLIPS
)


def _draw(name: str, bank: SoundBank) -> list[Recipe]:
    ratio, fold, split = re.fullmatch(r"remix_mini_(\d+)db_fold(\d)_(\w+)", name).groups()
    return make_remix_recipes(
        _sources(bank, int(fold), split),
        REMIX_LABELS,
        CLIPS[split],
        10 * int(fold) + list(CLIPS).index(split),
        ratio=float(ratio),
        augment=split in ("train", "fit"),
        name=name,
    )


def _sources(bank: SoundBank, fold: int, split: str) -> list[Clip]:
    """Clips to mix for a fold's "train", "test", "fit" or "val"."""
    folds = {fold} if split == "test" else set(range(FOLDS)) - {fold}
    clips = [
        clip
        for clip in bank.select(folds=folds)
        if clip.kind == "backgrounds" or clip.label in REMIX_LABELS
    ]
    if split in ("train", "test"):
        return clips
    fit, val = hold_out(clips, HELD_OUT, seed=0)
    return fit if split == "fit" else val


def _finish(clips: list[dict], name: str) -> list[dict]:
    return [weakened(clip) for clip in clips] if name.endswith(("_train", "_fit")) else clips


REMIX_MINI = StandIn(REMIX_MINI_NAMES, REMIX_LABELS, _draw, _finish)
remix_mini_hash = REMIX_MINI.hash
