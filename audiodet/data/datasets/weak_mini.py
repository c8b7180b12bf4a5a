"""weak-mini: 10-s clips from a sound bank, some with clip labels only, as in DCASE 2019 Task 4.

Classes and sources are those of :mod:`~audiodet.data.datasets.poly_mini`: test sources are those
of the bank's last fold, validation sources are held out of the others. Weak and strong training
clips draw from the same sources; what is known of a weak clip is which classes it holds. Recipes
are drawn on first use, from the bank of :func:`~audiodet.data.mixing.soundbank.soundbank_root`.
"""

from functools import cache

from audiodet.data.datasets.poly_mini import POLY_LABELS, poly_mini_sources
from audiodet.data.labels.overlaps import merge_overlaps
from audiodet.data.mixing.polyphonic import make_polyphonic_recipes
from audiodet.data.mixing.recipes import recipes_hash, recipes_to_dicts, register_mixtures
from audiodet.data.mixing.soundbank import load_soundbank, soundbank_root
from audiodet.errors import DataError

WEAK_LABELS = POLY_LABELS
# In the proportion of the challenge's 1,578 weak and 2,045 synthetic strong clips.
CLIPS = {"weak": 800, "strong": 1000, "val": 200, "test": 400}
SEEDS = {"weak": 11, "strong": 12, "val": 13, "test": 14}
MIXTURE = {"classes": (1, 3), "sounds": (1, 2), "longest": 5.0, "duration": 10.0}
WEAK_MINI_NAMES = [f"weak_mini_{split}" for split in CLIPS]


def register_weak_mini() -> None:
    """Register all names; the sound bank is looked for when a dataset is first used."""
    register_mixtures(WEAK_MINI_NAMES, WEAK_LABELS, load_weak_mini)


def load_weak_mini(name: str, root: str = "") -> list[dict]:
    """Dataset dicts of one of WEAK_MINI_NAMES; ``root`` as in ``soundbank_root``.

    Raises:
        DataError: no such dataset, or the bank lacks one of its classes.
    """
    root = soundbank_root(root)
    clips = merge_overlaps(recipes_to_dicts(_recipes(name, root), WEAK_LABELS, root), name)
    return [weakened(clip) for clip in clips] if name == "weak_mini_weak" else clips


def weakened(clip: dict) -> dict:
    """A strong dataset dict with its labels, but without when they sound."""
    labels = sorted({a["category_id"] for a in clip["annotations"]})
    return {**clip, "annotations": [], "label_kind": "weak", "clip_labels": labels}


def weak_mini_hash(name: str, root: str = "") -> str:
    """Hash that names the fixed recipes of a dataset in reports."""
    return recipes_hash(_recipes(name, soundbank_root(root)))


@cache
def _recipes(name: str, root: str) -> tuple[dict, ...]:
    if name not in WEAK_MINI_NAMES:
        raise DataError(f"{name}: no such dataset, expected one of {', '.join(WEAK_MINI_NAMES)}")
    bank, split = load_soundbank(root), name.rpartition("_")[2]
    missing = set(WEAK_LABELS) - {clip.label for clip in bank.clips if clip.kind != "backgrounds"}
    if missing:
        raise DataError(f"{root}: no sounds of {', '.join(sorted(missing))}, which {name} needs")
    train, val, test = poly_mini_sources(bank)
    clips = {"weak": train, "strong": train, "val": val, "test": test}[split]
    training = {"augment": True, "ebr_jitter": 3.0} if clips is train else {}
    return tuple(
        make_polyphonic_recipes(
            clips, WEAK_LABELS, CLIPS[split], SEEDS[split], name=name, **MIXTURE, **training
        )
    )
