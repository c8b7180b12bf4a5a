"""rare-mini: the rules of DCASE 2017 Task 2 on a sound bank of real recordings.

Four-fold cross-validation over the bank's folds: a fold's test clips use only that fold's
sources, its training and validation clips only those of the other three, and validation sources
are held out of training. "quiet" clips have no distractor, "hard" ones exactly one; apart from it
the two conditions are the same clips. "masked" clips are the quiet ones under steady noise that is
as loud as the event in its own band. ``rare_mini_all_*`` use all folds, for a model that ships:
thresholds are tuned on ``_tune`` and checked on ``_val``, two draws of the sources held out.
``rare_mini_crowd_*`` hold several events a clip, of any labels, and are scored for all of them.
``rare_quick_*`` are 10-s clips from any bank.
"""

import re
from collections.abc import Sequence
from itertools import chain

from audiodet.data.datasets.standins import StandIn
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.rules import make_recipes
from audiodet.data.mixing.soundbank import FOLDS, Clip, SoundBank, hold_out

RARE_LABELS = ("babycry", "glassbreak", "gunshot")
CONDITIONS = {"quiet": 0, "hard": 1}  # distractors in every clip
MASKED = "masked"  # a condition of its own, without distractors
STEADY = ("compressor", "rain", "wind")  # backgrounds that mask, beside white noise
TRAIN_CLIPS = 4000  # per label, of TRAIN_SECONDS: cheaper than 30-s clips and richer in events
TRAIN_SECONDS = 12.0
VAL_CLIPS = 60  # per label and condition
TEST_CLIPS = 100  # per label and draw
TEST_DRAWS = 2
OTHER_DRAWS = (32, 57)  # seeds of further test draws, as in Table III of the AudioMask paper
TUNE_SEEDS = (6001, 6002, 6003, 6004)  # of the draws that shipped models' thresholds come from
CROWD_CLIPS = 60  # per label whose event comes first
CROWD_EVENTS = 6  # most events in a clip
HELD_OUT = 0.1  # share of source groups that validation takes from the training sources
QUICK_TRAIN_CLIPS = 1200  # in all
QUICK_CLIPS = 30  # per label
QUICK_SECONDS = 10.0
TRAINING = {"presence": 0.8, "ebr_jitter": 3.0, "distractors": (0, 2), "augment": True}
CROWDED = {**TRAINING, "ebrs": (-6.0, 0.0, 6.0, 12.0), "max_events": 4}

_FOLDS = [f"fold{fold}" for fold in range(FOLDS)]
_TESTED = [f"{condition}_{fold}" for condition in CONDITIONS for fold in _FOLDS]
_DRAWS = [f"{place}_seed{seed}" for place in _TESTED for seed in OTHER_DRAWS]
RARE_MINI_NAMES = (
    *map("rare_mini_{}_val".format, _TESTED),
    *map("rare_mini_{}_test".format, _TESTED),
    *map("rare_mini_{}_train".format, _FOLDS),
    *map("rare_mini_{}".format, _DRAWS),
    *map("rare_mini_crowd_{}_train".format, _FOLDS),
    *map("rare_mini_crowd_{}_test".format, _FOLDS),
    "rare_mini_all_train",
    "rare_mini_all_val",
    "rare_mini_all_tune",
    *map("rare_mini_masked_{}_val".format, _FOLDS),
    *map("rare_mini_masked_{}_test".format, _FOLDS),
)
RARE_QUICK_NAMES = ("rare_quick_train", "rare_quick_val", "rare_quick_test")


def rare_mini_sources(
    bank: SoundBank, fold: int | None
) -> tuple[list[Clip], list[Clip], list[Clip]]:
    """Clips for training, validation and test; ``fold`` None uses all folds and tests none."""
    if fold is None:
        train, val = hold_out(bank.clips, HELD_OUT, seed=FOLDS)
        return train, val, []
    others = bank.select(folds=set(range(FOLDS)) - {fold})
    train, val = hold_out(others, HELD_OUT, seed=fold)
    return train, val, bank.select(folds=[fold])


def rare_mini_recipes(name: str, root: str = "") -> tuple[Recipe, ...]:
    """Recipes of one of RARE_MINI_NAMES or RARE_QUICK_NAMES; see :class:`StandIn`."""
    return _family(name).recipes(name, root)


def rare_mini_hash(name: str, root: str = "") -> str:
    """Hash of one of RARE_MINI_NAMES or RARE_QUICK_NAMES; see :class:`StandIn`."""
    return _family(name).hash(name, root)


def _family(name: str) -> StandIn:
    return RARE_QUICK if name in RARE_QUICK_NAMES else RARE_MINI


def _draw(name: str, bank: SoundBank) -> list[Recipe]:
    fold = None if "_all_" in name else int(re.search(r"fold(\d)", name)[1])
    train, val, test = rare_mini_sources(bank, fold)
    seed = 0 if fold is None else fold + 1
    is_crowd = "_crowd_" in name
    if name.endswith("_train"):
        rules = CROWDED if is_crowd else TRAINING
        rules = {**rules, "duration": TRAIN_SECONDS, "name": name}
        return _per_label(RARE_LABELS, train, TRAIN_CLIPS, 1000 + seed, **rules)
    if is_crowd:
        rules = {"presence": 1.0, "max_events": CROWD_EVENTS, "name": name}
        return _per_label(RARE_LABELS, test, CROWD_CLIPS, 4000 + seed, **rules)
    if name.endswith("_tune"):
        draws = [_draw_val(f"{name}_seed{seed}", val, seed) for seed in TUNE_SEEDS]
        return list(chain.from_iterable(draws))
    if name.endswith("_val"):
        return _draw_val(name, val, 2000 + seed)
    return _draw_test(name, test, 3000 + 10 * seed)


def _draw_val(name: str, clips: list[Clip], seed: int) -> list[Recipe]:
    """Validation clips of the name's condition; of both where it names none."""
    recipes = []
    conditions = (*CONDITIONS, MASKED) if MASKED in name else CONDITIONS
    for condition in conditions:
        if condition in name or "_all_" in name:
            rules = {**_rules(condition), "name": name.replace("_all", f"_{condition}_all")}
            recipes += _per_label(RARE_LABELS, clips, VAL_CLIPS, seed, **rules)
    return recipes


def _rules(condition: str) -> dict:
    """What lies in a condition's clips beside background and event."""
    if condition == MASKED:
        return {"maskers": STEADY}
    return {"distractors": CONDITIONS[condition]}


def _draw_test(name: str, clips: list[Clip], seed: int) -> list[Recipe]:
    """TEST_DRAWS draws from ``seed`` on, or the one whose seed the name holds."""
    condition = re.search(r"_(quiet|hard|masked)_", name)[1]
    other = re.search(r"seed(\d+)$", name)
    seeds = [int(other[1])] if other else range(seed, seed + TEST_DRAWS)
    recipes = []
    for number, draw_seed in enumerate(seeds):
        rules = {**_rules(condition), "name": f"{name}_draw{number}"}
        recipes += _per_label(RARE_LABELS, clips, TEST_CLIPS, draw_seed, **rules)
    return recipes


def _draw_quick(name: str, bank: SoundBank) -> list[Recipe]:
    """Training and validation from split "train", test from "val".

    Of an event longer than half a clip only the first 5 s are mixed.
    """
    clips = [clip.cut(QUICK_SECONDS / 2) for clip in bank.clips]
    train, val = hold_out([c for c in clips if c.split == "train"], HELD_OUT, seed=0)
    rules = {"duration": QUICK_SECONDS, "name": name}
    if name.endswith("_train"):
        has_distractors = any(clip.kind == "distractors" for clip in train)
        rules.update(TRAINING, distractors=(0, 1) if has_distractors else 0)
        count = round(QUICK_TRAIN_CLIPS / len(bank.labels))
        return _per_label(bank.labels, train, count, 11, **rules)
    if name.endswith("_val"):
        return _per_label(bank.labels, val, QUICK_CLIPS, 12, **rules)
    test = [clip for clip in clips if clip.split == "val"]
    return _per_label(bank.labels, test, QUICK_CLIPS, 13, **rules)


def _per_label(
    labels: Sequence[str], clips: list[Clip], n: int, seed: int, **rules
) -> list[Recipe]:
    """``n`` recipes for each label; see :func:`make_recipes`."""
    recipes = []
    for label in labels:
        recipes += make_recipes(clips, label, n, seed, balanced=True, **rules)
    return recipes


def _finish(clips: list[dict], name: str) -> list[dict]:
    """Crowded clips are scored for all labels, not for a target alone."""
    return [{**clip, "target": None} for clip in clips] if "_crowd_" in name else clips


RARE_MINI = StandIn(RARE_MINI_NAMES, RARE_LABELS, _draw, _finish, kinds=("events",))
RARE_QUICK = StandIn(RARE_QUICK_NAMES, None, _draw_quick)
load_rare_mini = RARE_MINI.load
load_rare_quick = RARE_QUICK.load
