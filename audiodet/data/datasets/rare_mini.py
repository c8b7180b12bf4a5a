"""rare-mini: the rules of DCASE 2017 Task 2 on a sound bank of real recordings.

Four-fold cross-validation over the bank's folds: a fold's test clips use only that fold's
sources, its training and validation clips only those of the other three, and validation sources
are held out of training. "quiet" clips have no distractor, "hard" ones exactly one; apart from it
the two conditions are the same clips. ``rare_mini_all_*`` use all folds, for a model that ships.
``rare_mini_crowd_*`` hold several events a clip, of any labels, and are scored for all of them.
``rare_quick_*`` are 10-s clips from any bank. Recipes are drawn on first use, from the bank of
:func:`~audiodet.data.mixing.soundbank.soundbank_root`; the audio is rendered by the loader.
"""

import re
from collections.abc import Sequence
from functools import cache

from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.mixing.recipes import (
    make_recipes,
    recipes_hash,
    recipes_to_dicts,
    register_mixtures,
)
from audiodet.data.mixing.soundbank import Clip, SoundBank, hold_out, load_soundbank, soundbank_root
from audiodet.errors import DataError

RARE_LABELS = ("babycry", "glassbreak", "gunshot")
FOLDS = 4
CONDITIONS = {"quiet": 0, "hard": 1}  # distractors in every clip
TEST_CLIPS, TEST_DRAWS = 100, 2  # per label and draw
OTHER_DRAWS = (32, 57)  # seeds of further test draws, as in AudioMask's Table III
VAL_CLIPS = 60  # per label and condition
CROWD_CLIPS, CROWD_EVENTS = 60, 6  # per label whose event comes first; most events in a clip
TRAIN_CLIPS = 4000  # per label, of TRAIN_SECONDS: cheaper than 30-s clips and richer in events
TRAIN_SECONDS = 12.0
HELD_OUT = 0.1  # share of source groups that validation takes from the training folds
HELD_OUT_ALL = 0.1  # the same for the model that ships
QUICK_TRAIN_CLIPS, QUICK_CLIPS, QUICK_SECONDS = 1200, 30, 10.0  # in all; per label; length
TRAINING = {"presence": 0.8, "ebr_jitter": 3.0, "distractors": (0, 2), "augment": True}
CROWDED = {**TRAINING, "ebrs": (-6.0, 0.0, 6.0, 12.0), "max_events": 4}

RARE_MINI_NAMES = (
    [f"rare_mini_{c}_fold{f}_val" for c in CONDITIONS for f in range(FOLDS)]
    + [f"rare_mini_{c}_fold{f}_test" for c in CONDITIONS for f in range(FOLDS)]
    + [f"rare_mini_fold{f}_train" for f in range(FOLDS)]
    + [
        f"rare_mini_{c}_fold{f}_seed{s}"
        for c in CONDITIONS
        for f in range(FOLDS)
        for s in OTHER_DRAWS
    ]
    + [f"rare_mini_crowd_fold{f}_{split}" for split in ("train", "test") for f in range(FOLDS)]
    + ["rare_mini_all_train", "rare_mini_all_val"]
)
RARE_QUICK_NAMES = [f"rare_quick_{split}" for split in ("train", "val", "test")]


def register_rare_mini() -> None:
    """Register all names; the sound bank is looked for when a dataset is first used."""
    register_mixtures(RARE_MINI_NAMES, RARE_LABELS, load_rare_mini)
    for name in RARE_QUICK_NAMES:
        DatasetCatalog.register(name, lambda name=name: load_rare_quick(name))
        MetadataCatalog.get(name).set(evaluator_type="sed")  # its labels are the bank's


def load_rare_mini(name: str, root: str = "") -> list[dict]:
    """Dataset dicts of one of RARE_MINI_NAMES; ``root`` as in ``soundbank_root``."""
    root = soundbank_root(root)
    dicts = recipes_to_dicts(rare_mini_recipes(name, root), RARE_LABELS, root)
    return [{**d, "target": None} for d in dicts] if "_crowd_" in name else dicts


def load_rare_quick(name: str, root: str = "") -> list[dict]:
    """Dataset dicts of one of RARE_QUICK_NAMES; the labels are the bank's, sorted.

    Sets the dataset's ``thing_classes``, which depend on the bank.
    """
    root = soundbank_root(root)
    labels = _bank(root).labels
    MetadataCatalog.pop(name, None)
    MetadataCatalog.get(name).set(thing_classes=labels, evaluator_type="sed")
    return recipes_to_dicts(_recipes(name, root), labels, root)


def rare_mini_recipes(name: str, root: str = "") -> tuple[dict, ...]:
    """Recipes of one of RARE_MINI_NAMES or RARE_QUICK_NAMES; drawn once per process."""
    return _recipes(name, soundbank_root(root))


def rare_mini_hash(name: str, root: str = "") -> str:
    """Hash that names the fixed recipes of a dataset in reports."""
    return recipes_hash(rare_mini_recipes(name, root))


@cache
def _bank(root: str) -> SoundBank:
    return load_soundbank(root)


@cache
def _recipes(name: str, root: str) -> tuple[dict, ...]:
    bank = _bank(root)
    if name in RARE_QUICK_NAMES:
        return tuple(_quick_recipes(bank, name))
    if name not in RARE_MINI_NAMES:
        raise DataError(f"{name}: no such dataset, expected one of {', '.join(RARE_MINI_NAMES)}")
    missing = [label for label in RARE_LABELS if label not in bank.labels]
    if missing:
        raise DataError(f"{root}: no events of {', '.join(missing)}, which {name} needs")
    fold = None if "_all_" in name else int(re.search(r"fold(\d)", name)[1])
    train, val, test = rare_mini_sources(bank, fold)
    seed = 0 if fold is None else fold + 1
    if name.endswith("_train"):
        draw = {"clips": train, "n": TRAIN_CLIPS, "seed": 1000 + seed, "name": name}
        draw["duration"] = TRAIN_SECONDS
        rules = CROWDED if "_crowd_" in name else TRAINING
        return tuple(_per_label(RARE_LABELS, **draw, **rules))
    if "_crowd_" in name:
        draw = {"clips": test, "n": CROWD_CLIPS, "seed": 4000 + seed, "name": name}
        return tuple(_per_label(RARE_LABELS, **draw, presence=1.0, max_events=CROWD_EVENTS))
    recipes = []
    for condition in [c for c in CONDITIONS if c in name] or CONDITIONS:
        draw = {"distractors": CONDITIONS[condition]}
        if name.endswith("_val"):
            where = name.replace("_all", f"_{condition}_all")
            recipes += _per_label(RARE_LABELS, val, VAL_CLIPS, 2000 + seed, name=where, **draw)
            continue
        other = re.search(r"seed(\d+)$", name)
        seeds = [int(other[1])] if other else [3000 + 10 * seed + i for i in range(TEST_DRAWS)]
        for i, number in enumerate(seeds):
            draw.update(seed=number, name=f"{name}_draw{i}")
            recipes += _per_label(RARE_LABELS, test, TEST_CLIPS, **draw)
    return tuple(recipes)


def rare_mini_sources(
    bank: SoundBank, fold: int | None
) -> tuple[list[Clip], list[Clip], list[Clip]]:
    """Clips for training, validation and test; ``fold`` None uses all folds and tests none."""
    if fold is None:
        return *hold_out(bank.clips, HELD_OUT_ALL, seed=FOLDS), []
    others = bank.select(folds=[f for f in range(FOLDS) if f != fold])
    return *hold_out(others, HELD_OUT, seed=fold), bank.select(folds=[fold])


def _quick_recipes(bank: SoundBank, name: str) -> list[dict]:
    """Recipes of 10-s clips: training from split "train" less some groups, test from "val".

    Of an event longer than half a clip only the first 5 s are mixed.
    """
    clips = [clip.cut(QUICK_SECONDS / 2) for clip in bank.clips]
    train, val = hold_out([c for c in clips if c.split == "train"], HELD_OUT, seed=0)
    draw = {"duration": QUICK_SECONDS, "name": name}
    if name.endswith("_train"):
        count = round(QUICK_TRAIN_CLIPS / len(bank.labels))
        some = (0, 1) if any(clip.kind == "distractors" for clip in train) else 0
        draw.update({**TRAINING, "distractors": some})
        return _per_label(bank.labels, train, count, 11, **draw)
    if name.endswith("_val"):
        return _per_label(bank.labels, val, QUICK_CLIPS, 12, **draw)
    return _per_label(bank.labels, [c for c in clips if c.split == "val"], QUICK_CLIPS, 13, **draw)


def _per_label(labels: Sequence[str], clips: list[Clip], n: int, seed: int, **draw) -> list[dict]:
    """``n`` recipes for each label; see :func:`make_recipes`."""
    return [
        recipe
        for label in labels
        for recipe in make_recipes(clips, label, n, seed, balanced=True, **draw)
    ]
