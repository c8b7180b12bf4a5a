"""remix-mini: weak training clips, strong test clips, disjoint sources, fixed recipes."""

from detectron2.data import DatasetCatalog

from audiodet.data.datasets import remix_mini
from audiodet.data.datasets.remix_mini import REMIX_LABELS, remix_mini_hash
from audiodet.data.mixing.soundbank import load_soundbank
from tests.data.datasets.used import used_paths

# The fixed test set on the bank of real recordings; a change voids every reported figure.
TEST_HASH = "95a8d92c88ae"


def test_sources_are_disjoint_and_the_test_set_is_fixed(soundbank, monkeypatch):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", soundbank)
    groups = {clip.path: clip.split_group for clip in load_soundbank(soundbank).clips}
    tested = []
    for fold in range(4):
        used = {}
        for split in remix_mini.CLIPS:
            clips = DatasetCatalog.get(f"remix_mini_0db_fold{fold}_{split}")
            assert len(clips) == remix_mini.CLIPS[split]
            recipes = [clip["recipe"] for clip in clips]
            used[split] = {groups[path] for path in used_paths(recipes)}
            if split in ("train", "fit"):
                assert all(c["label_kind"] == "weak" and not c["annotations"] for c in clips)
                assert {k for c in clips for k in c["clip_labels"]} == set(range(len(REMIX_LABELS)))
            else:
                assert all(len(c["annotations"]) == 3 for c in clips)
        assert not used["train"] & used["test"] and not used["val"] & used["test"]
        assert not used["fit"] & used["val"] and used["fit"] < used["train"] > used["val"]
        tested.append(used["test"])
    assert not set.intersection(*tested)
    assert remix_mini_hash("remix_mini_0db_fold0_test") == TEST_HASH
