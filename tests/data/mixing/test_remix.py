"""Three events one after another in a scene: their places, levels and labels."""

from dataclasses import replace

import numpy as np
import pytest

from audiodet.data.mixing.remix import make_remix_recipes
from audiodet.data.mixing.rendering import _load, render, render_apart, render_parts
from audiodet.data.mixing.soundbank import load_soundbank

LABELS = ("babycry", "glassbreak", "gunshot")


RATE = 32000


@pytest.fixture(scope="module")
def recipes(synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    return make_remix_recipes(clips, LABELS, 12, 0, ratio=10.0)


def rms(samples):
    return np.sqrt(np.mean(np.square(samples, dtype=np.float64)))


def test_three_events_one_after_another(recipes):
    labels = []
    for recipe in recipes:
        events = recipe.annotations
        assert [onset for onset, _, _ in events] == [0.5, 3.0, 5.5]
        assert all(0 < offset - onset <= 2.0 for onset, offset, _ in events)
        labels += [label for *_, label in events]
    assert [labels.count(label) for label in LABELS] == [12, 12, 12]


def test_the_ratio_is_of_the_whole_event_to_the_whole_scene(recipes, synthetic_bank):
    for recipe in recipes[:4]:
        parts = render_parts(recipe, synthetic_bank, RATE)
        for event, sound in zip(recipe.more_events, parts.events):
            begin, end = (round(t * RATE) for t in event.level_seconds)
            whole = _load(synthetic_bank, event.path, RATE)[begin:end] * sound.scaling_factor
            assert 20 * np.log10(rms(whole) / rms(parts.background)) == pytest.approx(
                10.0, abs=1e-3
            )
            np.testing.assert_allclose(sound.samples, whole[: len(sound.samples)], rtol=1e-5)


def test_other_ratios_differ_in_level_only(recipes, synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    others = make_remix_recipes(clips, LABELS, 12, 0, ratio=0.0)
    for recipe, other in zip(recipes, others):
        assert {event.ebr for event in recipe.more_events} == {10.0}
        louder = tuple(replace(event, ebr=10.0) for event in other.more_events)
        assert replace(other, more_events=louder) == recipe != other


def test_events_and_scene_add_up_to_the_mixture(recipes, synthetic_bank):
    """Gain, noise floor, distractors and peak limit included."""
    loud = replace(recipes[1], gain_db=40.0, distractors=recipes[2].more_events)
    for recipe in (recipes[0], loud):
        events, scene = render_apart(recipe, synthetic_bank, RATE)
        mixture = render(recipe, synthetic_bank, RATE)
        np.testing.assert_allclose(events + scene, mixture, atol=1e-6)
        assert not events[: round(0.5 * RATE)].any() and np.abs(events).max() > 0
    assert np.abs(mixture).max() == pytest.approx(0.999)
    assert not np.array_equal(scene[-RATE:], events[-RATE:]) and scene[-RATE:].all()  # noise
