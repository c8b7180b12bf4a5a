"""remix-mini: three events in a scene, clip labels to learn from (Kong et al. 2019).

Clips of 10 s by :mod:`audiodet.data.mixing.remix` at 20, 10 and 0 dB, from a sound bank; the
three differ in the level of the events only. Four-fold cross-validation over the bank's folds: a
fold's test clips use that fold's sources, its training clips those of the others. Training clips
have clip labels alone, test clips strong ones; the recipe renders event and scene apart, so masks
can be scored (:mod:`audiodet.data.mixing.mask_truth`). Recipes are drawn on first use, from the bank of
:func:`~audiodet.data.mixing.soundbank.soundbank_root`; the audio is rendered by the loader.
"""

import re
from functools import cache

from audiodet.data.datasets.poly_mini import POLY_LABELS
from audiodet.data.mixing.recipes import recipes_hash, recipes_to_dicts, register_mixtures
from audiodet.data.mixing.remix import make_remix_recipes
from audiodet.data.mixing.soundbank import FOLDS, load_soundbank, soundbank_root
from audiodet.errors import DataError

REMIX_LABELS = POLY_LABELS
RATIOS = (20, 10, 0)  # dB
CLIPS = {"train": 2000, "test": 200}  # of each fold
REMIX_MINI_NAMES = [
    f"remix_mini_{ratio}db_fold{fold}_{split}"
    for ratio in RATIOS
    for fold in range(FOLDS)
    for split in CLIPS
]


def register_remix_mini() -> None:
    """Register all names; the sound bank is looked for when a dataset is first used."""
    register_mixtures(REMIX_MINI_NAMES, REMIX_LABELS, load_remix_mini)


def load_remix_mini(name: str, root: str = "") -> list[dict]:
    """Dataset dicts of one of REMIX_MINI_NAMES; ``root`` as in ``soundbank_root``.

    Raises:
        DataError: no such dataset, or the bank lacks one of its classes.
    """
    root = soundbank_root(root)
    clips = recipes_to_dicts(_recipes(name, root), REMIX_LABELS, root)
    return [weak(clip) for clip in clips] if name.endswith("train") else clips


def weak(clip: dict) -> dict:
    """The same dataset dict with the labels of its events alone, not their times."""
    labels = sorted({a["category_id"] for a in clip["annotations"]})
    return {**clip, "annotations": [], "clip_labels": labels, "label_kind": "weak"}


def remix_mini_hash(name: str, root: str = "") -> str:
    """Hash that names the fixed recipes of a dataset in reports."""
    return recipes_hash(_recipes(name, soundbank_root(root)))


@cache
def _recipes(name: str, root: str) -> tuple[dict, ...]:
    if name not in REMIX_MINI_NAMES:
        raise DataError(f"{name}: no such dataset, expected one of {', '.join(REMIX_MINI_NAMES)}")
    ratio, fold, split = re.fullmatch(r"remix_mini_(\d+)db_fold(\d)_(\w+)", name).groups()
    bank = load_soundbank(root)
    missing = set(REMIX_LABELS) - {clip.label for clip in bank.clips if clip.kind != "backgrounds"}
    if missing:
        raise DataError(f"{root}: no sounds of {', '.join(sorted(missing))}, which {name} needs")
    clips = [
        clip
        for clip in bank.clips
        if (clip.kind == "backgrounds" or clip.label in REMIX_LABELS)
        and (clip.fold == int(fold)) == (split == "test")
    ]
    seed = 10 * int(fold) + list(CLIPS).index(split)
    training = {"augment": True} if split == "train" else {}
    return tuple(
        make_remix_recipes(
            clips, REMIX_LABELS, CLIPS[split], seed, ratio=float(ratio), name=name, **training
        )
    )
