"""weak-mini: what the weak part tells, and that its sources are apart."""

from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.datasets.weak_mini import (
    CLIPS,
    WEAK_LABELS,
    WEAK_MINI_NAMES,
    weak_mini_hash,
)
from audiodet.data.mixing.soundbank import load_soundbank
from tests.data.datasets.used import used_paths

# The fixed test set on the bank of real recordings; a change voids every reported figure.
TEST_HASH = "630f738fbce3"


def test_splits(soundbank, monkeypatch):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", soundbank)
    groups = {clip.path: clip.split_group for clip in load_soundbank(soundbank).clips}
    used = {}
    for name in WEAK_MINI_NAMES:
        split, clips = name.rpartition("_")[2], DatasetCatalog.get(name)
        assert (
            MetadataCatalog.get(name).thing_classes == list(WEAK_LABELS)
            and len(clips) == CLIPS[split]
        )
        assert {clip["label_kind"] for clip in clips} == {"weak" if split == "weak" else "strong"}
        for clip in clips:
            held = {WEAK_LABELS.index(label) for *_, label in clip["recipe"].annotations}
            assert clip["width"] == 10.0 and 1 <= len(held) <= 3
            told = (
                clip["clip_labels"]
                if split == "weak"
                else [a["category_id"] for a in clip["annotations"]]
            )
            lengths = [a["bbox"][2] - a["bbox"][0] for a in clip["annotations"]]
            assert min(lengths, default=1.0) > 0.2499
            assert set(told) == held and bool(clip["annotations"]) == (split != "weak")
        used[split] = {groups[path] for path in used_paths(clip["recipe"] for clip in clips)}
    train = used["weak"] | used["strong"]
    assert not train & used["val"] and not train & used["test"] and not used["val"] & used["test"]
    recipes = [
        c["recipe"] for part in ("weak", "strong") for c in DatasetCatalog.get(f"weak_mini_{part}")
    ]
    events = [r.annotation_string.split("\t", 1)[-1] for r in recipes]
    assert len(set(events)) == len(events)  # no mixture is in both
    assert weak_mini_hash("weak_mini_test") == TEST_HASH
