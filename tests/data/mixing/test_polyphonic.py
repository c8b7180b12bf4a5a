"""Polyphonic mixtures: what is drawn, and that it is where the annotation says."""

from collections import Counter

import numpy as np
import pytest

from audiodet.data.mixing.polyphonic import make_polyphonic_recipes
from audiodet.data.mixing.rendering import render, render_parts
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.errors import DataError

LABELS = ("babycry", "glassbreak", "gunshot")


@pytest.fixture(scope="module")
def recipes(synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    return make_polyphonic_recipes(
        clips, LABELS, 30, 0, classes=(2, 3), sounds=(1, 2), duration=10.0
    )


def test_classes_and_sounds_of_a_mixture(recipes):
    assert len({recipe.name for recipe in recipes}) == 30
    sizes = set()
    for recipe in recipes:
        count = Counter(event.label for event in recipe.more_events)
        assert set(count.values()) <= {1, 2} and not recipe.event
        sizes.add(len(count))
        starts = [event.start for event in recipe.more_events]
        assert starts == sorted(starts)
        assert all(0 <= on < off <= 10.0 for on, off, _ in recipe.annotations)
        assert recipe.target is recipe.source_group is None
    assert sizes == {2, 3}


def test_the_sound_is_where_the_annotation_says(recipes, synthetic_bank):
    """The mixture less its background is silent outside of the events, and only there."""
    recipe = recipes[0]
    parts = render_parts(recipe, synthetic_bank)
    events = np.zeros_like(parts.background)
    for sound in parts.events:
        events[sound.first : sound.first + len(sound.samples)] += sound.samples
    inside = np.zeros(len(events), bool)
    for onset, offset, _ in recipe.annotations:
        inside[round(onset * 44100) : round(offset * 44100)] = True
    assert not events[~inside].any() and np.abs(events[inside]).max() > 0
    assert render(recipe, synthetic_bank).shape == (441000,)


def test_long_sounds_are_cut(synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    assert max(c.offset - c.onset for c in clips if c.label in LABELS) > 0.5
    short = make_polyphonic_recipes(clips, LABELS, 5, 0, classes=(1, 3), longest=0.5)
    assert max(e.length for r in short for e in r.more_events) == 0.5


def test_same_seed_same_recipes(synthetic_bank, recipes):
    clips = load_soundbank(synthetic_bank).clips
    draw = {"classes": (2, 3), "sounds": (1, 2), "duration": 10.0}
    assert make_polyphonic_recipes(clips, LABELS, 30, 0, **draw) == recipes
    assert make_polyphonic_recipes(clips, LABELS, 30, 1, **draw) != recipes


def test_more_classes_than_labels(synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    with pytest.raises(DataError, match=r"\(2, 5\) classes a mixture, expected 1 to 3, the labels"):
        make_polyphonic_recipes(clips, LABELS, 1, 0)
