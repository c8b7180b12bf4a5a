"""audiodet_rare: its size, its card, and thresholds that are its own."""

import json
from pathlib import Path

import numpy as np
import pytest

from audiodet import model_zoo, weights
from audiodet.data.datasets.rare_mini import FOLDS, RARE_LABELS, rare_mini_recipes
from audiodet.data.mixing.rendering import render
from audiodet.inference.detector import Detector

NAME = "audiodet_rare"
RATE = 32000  # its own
MAX_BYTES = 12e6
MAX_POINTS = 5.0  # of F1 that a class may lose by its default threshold
# [clip, label, holds the event, score of the best candidate, that is a hit] of each fold's test
# clips by the fold's model, which tools/export_pretrained.py wrote with the weights.
SCORES = json.loads((Path(__file__).parent / "audiodet_rare_scores.json").read_text())


def fold_model(fold: int) -> str:
    return f"{NAME}_mini_fold{fold}"


def f1(rows, threshold) -> float:
    """F1 in percent of rows at a threshold, one for all or one a row."""
    present, score, is_hit = (np.array([row[i] for row in rows]) for i in (2, 3, 4))
    reported = score >= threshold
    hits = (reported & is_hit).sum()
    return 200 * hits / (present.sum() + reported.sum())


@pytest.mark.parametrize("label", RARE_LABELS)
def test_default_thresholds_cost_few_points_of_f1(label):
    """Each fold's clips at its model's own thresholds, which were tuned on other folds' clips."""
    rows, defaults = [], []
    for fold in range(FOLDS):
        own = [row for row in SCORES[str(fold)] if row[1] == label]
        model = model_zoo.get(fold_model(fold))
        thresholds = dict(zip(model.cfg.DATASETS.LABELS, model.cfg.TEST.THRESHOLDS))
        rows += own
        defaults += [thresholds[label]] * len(own)
    best = max(f1(rows, threshold) for threshold in np.linspace(0.02, 0.98, 97))
    assert f1(rows, np.array(defaults)) > best - MAX_POINTS
    shipped = model_zoo.get(NAME).cfg
    own = dict(zip(shipped.DATASETS.LABELS, shipped.TEST.THRESHOLDS))[label]
    assert f1(rows, own) > best - MAX_POINTS


@pytest.mark.parametrize("fold", range(FOLDS))
def test_scores_are_those_of_the_weights(fold, soundbank):
    """A few clips of each fold, rendered and scored again."""
    detector = Detector(model_zoo.get(fold_model(fold)), thresholds=0.0)
    rows = {row[0]: row for row in SCORES[str(fold)]}
    recipes = rare_mini_recipes(f"rare_mini_hard_fold{fold}_test", soundbank)[::150]
    for recipe in recipes:
        events = detector.detect(render(recipe, soundbank, RATE), RATE)
        row = rows[recipe.name]
        score = max((e.score for e in events if e.label == row[1]), default=0.0)
        assert score == pytest.approx(row[3], abs=0.03), row


def test_it_is_small_and_its_card_names_what_it_started_from():
    assert (weights.SHIPPED / f"{NAME}.safetensors").stat().st_size <= MAX_BYTES
    card = (weights.SHIPPED / f"{NAME}.md").read_text()
    for part in ("EfficientAT", "MIT License", "AudioSet", "Licences", "Thresholds", "Rows seen"):
        assert part in card, part


def test_a_fold_models_trunk_is_that_of_the_model_of_all_folds():
    whole, part = model_zoo.get(NAME).state_dict(), model_zoo.get(fold_model(0)).state_dict()
    assert whole.keys() == part.keys()
    for name, tensor in whole.items():
        is_same = bool((tensor == part[name]).all())
        assert is_same == name.startswith("backbone.trunk.") or "num_batches" in name, name


def test_it_finds_loud_events_in_silence_nothing(soundbank):
    detector = Detector(model_zoo.get(NAME))
    assert detector.detect(np.zeros(10 * RATE, np.float32), RATE) == []
    recipes = rare_mini_recipes("rare_mini_quiet_fold1_test", soundbank)
    loud = [recipe for recipe in recipes if recipe.event and recipe.event.ebr == 6.0][::10]
    hits = 0
    for recipe in loud:
        events = detector.detect(render(recipe, soundbank, RATE), RATE)
        truth = recipe.annotations
        hits += any(e.label == t[2] and abs(e.onset - t[0]) <= 0.5 for e in events for t in truth)
    assert hits >= 0.7 * len(loud), f"{hits} of {len(loud)}"
