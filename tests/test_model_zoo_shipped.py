"""The weights that ship: small, described, and they hear what they were trained for."""

import numpy as np
import pytest

from audiodet import model_zoo, weights
from audiodet.data.datasets.poly_mini import POLY_LABELS
from audiodet.data.datasets.rare_mini import RARE_LABELS, rare_mini_recipes
from audiodet.data.mixing.rendering import render
from audiodet.inference.detector import Detector

SHIPPED = model_zoo.names()


def test_weights_are_small_and_each_has_a_card():
    assert {f"rcrnn_rare_mini_fold{k}" for k in range(4)} < set(SHIPPED)
    assert "rcrnn_rare" in SHIPPED
    sizes = [model_zoo.about(name).bytes for name in weights.shipped_names()]
    assert sum(sizes) < 33e6
    for name in SHIPPED:
        card = (weights.SHIPPED / f"{name}.md").read_text()
        assert all(word in card for word in (name, "Licences", "Thresholds", "Rows seen"))


RARE = [name for name in SHIPPED if "rare" in name]
HOPS = {name: 1014 for name in RARE if not name.startswith("audiodet")}
HOPS["audiodet_rare_voting"] = 1


@pytest.mark.parametrize("name", sorted({*SHIPPED} - {*RARE}))
def test_a_system_that_ships_knows_its_labels_and_decisions(name):
    """On the eight labels of the other stand-ins; events lie inside the recording."""
    model = model_zoo.get(name)
    assert tuple(model.cfg.DATASETS.LABELS) == POLY_LABELS and not model.training
    assert len(model.cfg.TEST.THRESHOLDS) == len(model.cfg.MODEL.TAGGER.LOW_THRESHOLDS) == 8
    noise = np.random.default_rng(0).normal(0, 0.05, 44100 * 10).astype(np.float32)
    detector = Detector(model)
    assert detector.detect(np.zeros_like(noise), 44100) == []
    for event in detector.detect(noise, 44100):
        assert 0 <= event.onset < event.offset <= 10 and event.label in POLY_LABELS


@pytest.mark.parametrize("name", RARE)
def test_a_model_loads_by_name_with_labels_front_end_and_thresholds(name):
    model = model_zoo.get(name)
    assert tuple(model.cfg.DATASETS.LABELS) == RARE_LABELS and not model.training
    assert len(model.cfg.TEST.THRESHOLDS) == 3
    assert model.cfg.INPUT.SPECTROGRAM.HOP == HOPS.get(name, 320)
    detector = Detector(model)
    assert detector.detect(np.zeros(44100 * 10, np.float32), 44100) == []


def test_a_fold_model_finds_most_loud_events_it_never_heard(soundbank):
    """On the loudest (+6 dB) test mixtures of fold 3: more than half of the events, few false."""
    detector = Detector(model_zoo.get("rcrnn_rare_mini_fold3"))
    recipes = rare_mini_recipes("rare_mini_quiet_fold3_test", soundbank)
    loud = [r for r in recipes if r.event and r.event.ebr == 6.0][::4]
    loud += [r for r in recipes if not r.event][::8]
    hits = wrong = 0
    for recipe in loud:
        found = detector.detect(render(recipe, soundbank), 44100)
        truth = recipe.annotations
        right = {e for e in found for t in truth if e.label == t[2] and abs(e.onset - t[0]) <= 0.5}
        hits, wrong = hits + bool(right), wrong + len(found) - len(right)
    events = sum(r.event is not None for r in loud)
    assert hits > 0.5 * events, f"{hits} of {events}"
    assert wrong < len(loud) / 4, f"{wrong} false events in {len(loud)} clips"
