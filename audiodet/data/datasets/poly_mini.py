"""poly-mini: overlapping events from a sound bank, by the rules of TUT-SED Synthetic 2016.

Clips of 20 s over real backgrounds with exact annotation. Classes are the bank's events and those
distractors of which there are enough recordings. Test sources are those of the bank's last fold,
validation sources are held out of the other folds. Recipes are drawn on first use, from the bank
of :func:`~audiodet.data.mixing.soundbank.soundbank_root`; the audio is rendered by the loader.
"""

from functools import cache

from audiodet.data.labels.overlaps import merge_overlaps
from audiodet.data.mixing.polyphonic import make_polyphonic_recipes
from audiodet.data.mixing.recipes import recipes_hash, recipes_to_dicts, register_mixtures
from audiodet.data.mixing.soundbank import hold_out, load_soundbank, soundbank_root
from audiodet.errors import DataError

POLY_LABELS = (
    "babycry",
    "cat_meow",
    "clock_tick",
    "dog_bark",
    "glassbreak",
    "gunshot",
    "rooster",
    "sneeze",
)
TEST_FOLD = 3
HELD_OUT = 0.15  # share of source groups that validation takes from the training folds
CLIPS = {"train": 1500, "val": 60, "test": 200}
SEEDS = {"train": 1, "val": 2, "test": 3}
POLY_MINI_NAMES = [f"poly_mini_{split}" for split in CLIPS]


def register_poly_mini() -> None:
    """Register all names; the sound bank is looked for when a dataset is first used."""
    register_mixtures(POLY_MINI_NAMES, POLY_LABELS, load_poly_mini)


def load_poly_mini(name: str, root: str = "") -> list[dict]:
    """Dataset dicts of one of POLY_MINI_NAMES; ``root`` as in ``soundbank_root``.

    Raises:
        DataError: no such dataset, or the bank lacks one of its classes.
    """
    root = soundbank_root(root)
    return merge_overlaps(recipes_to_dicts(_recipes(name, root), POLY_LABELS, root), name)


def poly_mini_hash(name: str, root: str = "") -> str:
    """Hash that names the fixed recipes of a dataset in reports."""
    return recipes_hash(_recipes(name, soundbank_root(root)))


@cache
def _recipes(name: str, root: str) -> tuple[dict, ...]:
    if name not in POLY_MINI_NAMES:
        raise DataError(f"{name}: no such dataset, expected one of {', '.join(POLY_MINI_NAMES)}")
    bank, split = load_soundbank(root), name.rpartition("_")[2]
    missing = set(POLY_LABELS) - {clip.label for clip in bank.clips if clip.kind != "backgrounds"}
    if missing:
        raise DataError(f"{root}: no sounds of {', '.join(sorted(missing))}, which {name} needs")
    clips = dict(zip(CLIPS, poly_mini_sources(bank)))[split]
    training = {"augment": True, "ebr_jitter": 3.0} if split == "train" else {}
    return tuple(
        make_polyphonic_recipes(
            clips, POLY_LABELS, CLIPS[split], SEEDS[split], name=name, **training
        )
    )


def poly_mini_sources(bank) -> tuple[list, list, list]:
    """Clips for training, validation and test."""
    kept = [c for c in bank.clips if c.kind == "backgrounds" or c.label in POLY_LABELS]
    others = [clip for clip in kept if clip.fold != TEST_FOLD]
    return *hold_out(others, HELD_OUT, seed=0), [c for c in kept if c.fold == TEST_FOLD]
