"""A family of sets of mixtures: what it draws, when, and with which labels."""

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.datasets.standins import StandIn
from audiodet.data.mixing.rules import make_recipes
from audiodet.data.mixing.recipes import recipes_hash
from audiodet.data.mixing.rendering import render
from audiodet.errors import DataError

LABELS = ("gunshot", "babycry")
NAMES = ("toy_mini_train", "toy_mini_test")


@pytest.fixture
def family():
    """A seventh set of mixtures, as a file of its own would define it; what it drew is listed."""
    drawn = []

    def draw(name, bank):
        drawn.append(name)
        recipes = []
        for label in LABELS:
            recipes += make_recipes(bank.clips, label, 2, NAMES.index(name), duration=4.0)
        return recipes

    def finish(clips, name):
        return [{**clip, "target": None} for clip in clips] if name == NAMES[1] else clips

    yield StandIn(NAMES, LABELS, draw, finish), drawn
    for name in set(NAMES) & set(DatasetCatalog):
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def test_a_registered_family_is_drawn_when_asked_for_and_once(family, synthetic_bank, monkeypatch):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", synthetic_bank)
    toy, drawn = family
    toy.register()
    assert MetadataCatalog.get(NAMES[0]).thing_classes == list(LABELS) and not drawn
    clips = DatasetCatalog.get(NAMES[0])
    assert [clip["target"] for clip in clips] == ["gunshot"] * 2 + ["babycry"] * 2
    assert [clip["target"] for clip in DatasetCatalog.get(NAMES[1])] == [None] * 4
    assert DatasetCatalog.get(NAMES[0]) == clips and drawn == list(NAMES)
    assert toy.hash(NAMES[0]) == recipes_hash([clip["recipe"] for clip in clips])
    assert toy.hash(NAMES[0]) != toy.hash(NAMES[1])
    assert render(clips[0]["recipe"], clips[0]["soundbank"], 8000).shape == (32000,)
    for clip in clips:
        labels = [LABELS[annotation["category_id"]] for annotation in clip["annotations"]]
        assert labels in ([], [clip["target"]])


def test_unknown_sets_and_banks_without_the_classes_are_refused(family, synthetic_bank):
    toy, drawn = family
    with pytest.raises(
        DataError, match="toy_mini_val: no such dataset, expected one of toy_mini_t"
    ):
        toy.load("toy_mini_val", synthetic_bank)
    other = StandIn(NAMES, ("gunshot", "beep", "hum"), toy.draw)
    with pytest.raises(DataError, match="no events or distractors of hum, which toy_mini_train"):
        other.load(NAMES[0], synthetic_bank)
    events = StandIn(NAMES, ("gunshot", "beep"), toy.draw, kinds=("events",))
    with pytest.raises(DataError, match="no events of beep, which toy_mini_train needs"):
        events.load(NAMES[0], synthetic_bank)
    assert not drawn


@pytest.mark.parametrize("name", ["poly_mini_test", "remix_mini_0db_fold0_test", "weak_mini_test"])
def test_the_stand_ins_need_their_classes(name, synthetic_bank, monkeypatch):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", synthetic_bank)
    with pytest.raises(DataError, match=f"of cat_meow, .*, sneeze, which {name} needs"):
        DatasetCatalog.get(name)


def test_labels_of_the_bank(family, synthetic_bank):
    toy, _ = family
    anything = StandIn(NAMES, None, toy.draw)
    clips = anything.load(NAMES[0], synthetic_bank)
    assert MetadataCatalog.get(NAMES[0]).thing_classes == ["babycry", "glassbreak", "gunshot"]
    MetadataCatalog.remove(NAMES[0])
    assert {a["category_id"] for clip in clips for a in clip["annotations"]} <= {0, 2}
