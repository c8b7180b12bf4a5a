"""Polyphonic mixtures: what is drawn, that it is where the annotation says, merged events."""

from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.datasets import poly_mini
from audiodet.data.datasets.poly_mini import (
    POLY_LABELS,
    POLY_MINI_NAMES,
    poly_mini_hash,
)
from audiodet.data.mixing.soundbank import load_soundbank
from tests.data.datasets.used import used_paths

# The fixed test set on the bank of real recordings; a change voids every reported figure.
TEST_HASH = "d0f39a95cda5"


def test_sources_are_disjoint_and_the_test_set_is_fixed(soundbank, monkeypatch):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", soundbank)
    used = []
    for name in POLY_MINI_NAMES:
        clips = DatasetCatalog.get(name)
        assert MetadataCatalog.get(name).thing_classes == list(POLY_LABELS)
        assert len(clips) == poly_mini.CLIPS[name.rpartition("_")[2]]
        used.append(used_paths(clip["recipe"] for clip in clips))
        assert {k for c in clips for k in (a["category_id"] for a in c["annotations"])} == set(
            range(8)
        )
    groups = {clip.path: clip.split_group for clip in load_soundbank(soundbank).clips}
    train, val, test = ({groups[path] for path in paths} for paths in used)
    assert not train & val and not train & test and not val & test
    assert poly_mini_hash("poly_mini_test") == TEST_HASH
