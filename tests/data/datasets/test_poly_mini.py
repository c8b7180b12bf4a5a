"""Polyphonic mixtures: what is drawn, that it is where the annotation says, merged events."""

from collections import Counter

import numpy as np
import pytest
import soundfile as sf
import yaml
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.datasets import poly_mini
from audiodet.data.labels.overlaps import merge_overlaps
from audiodet.data.datasets.poly_mini import (
    POLY_LABELS,
    POLY_MINI_NAMES,
    load_poly_mini,
    poly_mini_hash,
)
from audiodet.data.mixing.mixture_files import write_mixtures
from audiodet.data.mixing.recipes import recipe_annotations
from audiodet.data.mixing.polyphonic import make_polyphonic_recipes
from audiodet.data.mixing.rendering import render, render_parts
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.errors import DataError

# The fixed test set on the bank of real recordings; a change voids every reported figure.
TEST_HASH = "d0f39a95cda5"
LABELS = ("babycry", "glassbreak", "gunshot")


@pytest.fixture(scope="module")
def recipes(synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    return make_polyphonic_recipes(
        clips, LABELS, 30, 0, classes=(2, 3), sounds=(1, 2), duration=10.0
    )


def test_classes_and_sounds_of_a_mixture(recipes):
    assert len({recipe["mixture_audio_filename"] for recipe in recipes}) == 30
    sizes = set()
    for recipe in recipes:
        count = Counter(event["event_class"] for event in recipe["more_events"])
        assert set(count.values()) <= {1, 2} and not recipe["event_present"]
        sizes.add(len(count))
        starts = [event["event_start_in_mixture_seconds"] for event in recipe["more_events"]]
        assert starts == sorted(starts)
        assert all(0 <= on < off <= 10.0 for on, off, _ in recipe_annotations(recipe))
        assert recipe["target"] is recipe["source_group"] is None
    assert sizes == {2, 3}


def test_the_sound_is_where_the_annotation_says(recipes, synthetic_bank):
    """The mixture less its background is silent outside of the events, and only there."""
    recipe = recipes[0]
    parts = render_parts(recipe, synthetic_bank)
    events = np.zeros_like(parts.background)
    for sound in parts.events:
        events[sound.first : sound.first + len(sound.samples)] += sound.samples
    inside = np.zeros(len(events), bool)
    for onset, offset, _ in recipe_annotations(recipe):
        inside[round(onset * 44100) : round(offset * 44100)] = True
    assert not events[~inside].any() and np.abs(events[inside]).max() > 0
    assert render(recipe, synthetic_bank).shape == (441000,)


def test_long_sounds_are_cut(synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    assert max(c.offset - c.onset for c in clips if c.label in LABELS) > 0.5
    short = make_polyphonic_recipes(clips, LABELS, 5, 0, classes=(1, 3), longest=0.5)
    assert max(e["event_length_seconds"] for r in short for e in r["more_events"]) == 0.5


def test_same_seed_same_recipes(synthetic_bank, recipes):
    clips = load_soundbank(synthetic_bank).clips
    draw = {"classes": (2, 3), "sounds": (1, 2), "duration": 10.0}
    assert make_polyphonic_recipes(clips, LABELS, 30, 0, **draw) == recipes
    assert make_polyphonic_recipes(clips, LABELS, 30, 1, **draw) != recipes


def test_on_disk_each_event_has_its_own_scaling(recipes, synthetic_bank, tmp_path):
    folder = write_mixtures(recipes[:3], str(tmp_path), synthetic_bank, "float", "polyphonic")
    (text,) = [p.read_text() for p in (tmp_path).rglob("mixture_recipes_polyphonic_all.yaml")]
    for written, recipe in zip(yaml.safe_load(text), recipes):
        factors = [sound.scaling_factor for sound in render_parts(recipe, synthetic_bank).events]
        assert [e["scaling_factor"] for e in written["more_events"]] == factors
        assert written["scaling_factor"] is None
        audio, rate = sf.read(f"{folder}/audio/{recipe['mixture_audio_filename']}", dtype="float32")
        np.testing.assert_array_equal(audio, render(recipe, synthetic_bank, rate))
    (lines,) = [p.read_text() for p in tmp_path.rglob("event_list_polyphonic_all.csv")]
    assert len(lines.splitlines()) == sum(len(r["more_events"]) for r in recipes[:3])


def test_more_classes_than_labels(synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    with pytest.raises(DataError, match=r"\(2, 5\) classes a mixture, expected 1 to 3, the labels"):
        make_polyphonic_recipes(clips, LABELS, 1, 0)


def test_a_bank_without_the_classes(synthetic_bank):
    with pytest.raises(
        DataError, match="no sounds of cat_meow, clock_tick, dog_bark, rooster, sneeze"
    ):
        load_poly_mini("poly_mini_test", synthetic_bank)


def annotation(onset, offset, label):
    return {"bbox": [onset, 0.0, offset, 1.0], "bbox_mode": 0, "category_id": label, "iscrowd": 0}


def test_overlapping_events_of_one_label_become_one(caplog):
    events = [
        (0.0, 2.0, 0),
        (1.0, 3.0, 0),
        (3.0, 3.5, 0),
        (1.5, 2.5, 1),
        (4.0, 9.0, 0),
        (5.0, 6.0, 0),
    ]
    clip = {"annotations": [annotation(*e) for e in reversed(events)], "width": 10.0}
    with caplog.at_level("INFO"):
        (merged,) = merge_overlaps([clip], "mine")
    found = [(*a["bbox"][::2], a["category_id"]) for a in merged["annotations"]]
    assert found == [(0.0, 3.5, 0), (1.5, 2.5, 1), (4.0, 9.0, 0)]
    assert "mine: 3 events were merged" in caplog.text
    assert len(clip["annotations"]) == 6


def test_sources_are_disjoint_and_the_test_set_is_fixed(soundbank, monkeypatch):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", soundbank)
    used = []
    for name in POLY_MINI_NAMES:
        clips = DatasetCatalog.get(name)
        assert MetadataCatalog.get(name).thing_classes == list(POLY_LABELS)
        assert len(clips) == poly_mini.CLIPS[name.rpartition("_")[2]]
        layers = [c["recipe"] for c in clips] + [c["recipe"]["bg_overlay"] or {} for c in clips]
        paths = {e["event_path"] for c in clips for e in c["recipe"]["more_events"]}
        paths |= {p for r in layers for p in [r.get("bg_path"), *r.get("bg_chain", ())] if p}
        used.append(paths)
        assert {k for c in clips for k in (a["category_id"] for a in c["annotations"])} == set(
            range(8)
        )
    groups = {clip.path: clip.split_group for clip in load_soundbank(soundbank).clips}
    train, val, test = ({groups[path] for path in paths} for paths in used)
    assert not train & val and not train & test and not val & test
    assert poly_mini_hash("poly_mini_test") == TEST_HASH
