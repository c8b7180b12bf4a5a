"""weak-mini: 10-s clips from a sound bank, some with clip labels only, as in DCASE 2019 Task 4.

Classes and sources are those of :mod:`~audiodet.data.datasets.poly_mini`. Weak and strong training
clips draw from the same sources; what is known of a weak clip is which classes it holds. As in the
challenge's annotation no event is shorter than a quarter of a second: a shorter sound's ends later.
"""

from audiodet.data.datasets.poly_mini import POLY_LABELS, draw_polyphonic
from audiodet.data.datasets.standins import StandIn
from audiodet.data.labels.annotations import lengthened, merge_overlaps, weakened
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.soundbank import SoundBank

WEAK_LABELS = POLY_LABELS
# In the proportion of the challenge's 1,578 weak and 2,045 synthetic strong clips.
CLIPS = {"weak": 800, "strong": 1000, "val": 200, "test": 400}
SEEDS = {"weak": 11, "strong": 12, "val": 13, "test": 14}
SOURCES = {"weak": "train", "strong": "train", "val": "val", "test": "test"}
SHORTEST = 0.25  # seconds of an event
MIXTURE = {"classes": (1, 3), "sounds": (1, 2), "longest": 5.0, "duration": 10.0}
WEAK_MINI_NAMES = ("weak_mini_weak", "weak_mini_strong", "weak_mini_val", "weak_mini_test")


def _draw(name: str, bank: SoundBank) -> list[Recipe]:
    split = name.rpartition("_")[2]
    return draw_polyphonic(name, bank, SOURCES[split], CLIPS[split], SEEDS[split], **MIXTURE)


def _finish(clips: list[dict], name: str) -> list[dict]:
    merged = merge_overlaps([lengthened(clip, SHORTEST) for clip in clips], name)
    return [weakened(clip) for clip in merged] if name == "weak_mini_weak" else merged


WEAK_MINI = StandIn(WEAK_MINI_NAMES, WEAK_LABELS, _draw, _finish)
weak_mini_hash = WEAK_MINI.hash
