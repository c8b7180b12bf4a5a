"""poly-mini: overlapping events from a sound bank, by the rules of TUT-SED Synthetic 2016.

Clips of 20 s over real backgrounds with exact annotation. Classes are the bank's events and those
distractors of which there are enough recordings. Test sources are those of the bank's last fold,
validation sources are held out of the other folds.
"""

from audiodet.data.datasets.standins import StandIn
from audiodet.data.labels.annotations import merge_overlaps
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.rules import make_polyphonic_recipes
from audiodet.data.mixing.soundbank import Clip, SoundBank, hold_out

POLY_LABELS = tuple(
    "babycry cat_meow clock_tick dog_bark glassbreak gunshot rooster sneeze".split()
)
TEST_FOLD = 3
HELD_OUT = 0.15  # share of source groups that validation takes from the training folds
CLIPS = {"train": 1500, "val": 60, "test": 200}
SEEDS = {"train": 1, "val": 2, "test": 3}
TRAINING = {"augment": True, "ebr_jitter": 3.0}
POLY_MINI_NAMES = ("poly_mini_train", "poly_mini_val", "poly_mini_test")


def poly_mini_sources(bank: SoundBank) -> dict[str, list[Clip]]:
    """Clips to mix for "train", "val" and "test"."""
    usable = [c for c in bank.clips if c.kind == "backgrounds" or c.label in POLY_LABELS]
    test = [clip for clip in usable if clip.fold == TEST_FOLD]
    others = [clip for clip in usable if clip.fold != TEST_FOLD]
    train, val = hold_out(others, HELD_OUT, seed=0)
    return {"train": train, "val": val, "test": test}


def draw_polyphonic(
    name: str, bank: SoundBank, sources: str, n: int, seed: int, **rules
) -> list[Recipe]:
    """Recipes of one of the sources; those for training are augmented."""
    clips = poly_mini_sources(bank)[sources]
    if sources == "train":
        rules = {**rules, **TRAINING}
    return make_polyphonic_recipes(clips, POLY_LABELS, n, seed, name=name, **rules)


def _draw(name: str, bank: SoundBank) -> list[Recipe]:
    split = name.rpartition("_")[2]
    return draw_polyphonic(name, bank, split, CLIPS[split], SEEDS[split])


POLY_MINI = StandIn(POLY_MINI_NAMES, POLY_LABELS, _draw, merge_overlaps)
poly_mini_hash = POLY_MINI.hash
