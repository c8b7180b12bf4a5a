"""rcrnn_rare's thresholds: good for sources that it did not hear, and its own."""

from pathlib import Path

import numpy as np
import pytest

from audiodet import model_zoo
from audiodet.data.datasets.rare_mini import RARE_LABELS, rare_mini_recipes
from audiodet.data.mixing.rendering import render
from audiodet.evaluation import load_clips, score_clips
from audiodet.evaluation.thresholds import sweep_thresholds
from audiodet.inference.detector import Detector

NAME = "rcrnn_rare"
MAX_POINTS = 5.0  # of F1 that a class may lose by its default threshold
# What the model says of rare_mini_all_val: another draw of the sources that were held out of its
# training than its thresholds come from. tools/export_model.py wrote it with the weights.
CLIPS = load_clips(Path(__file__).parent / f"{NAME}_scores.jsonl")


@pytest.fixture(scope="module")
def detector():
    return Detector(model_zoo.get(NAME))


@pytest.mark.parametrize("best_event_per_clip", [False, True])
@pytest.mark.parametrize("label", RARE_LABELS)
def test_default_thresholds_cost_few_points_of_f1(label, best_event_per_clip, detector):
    scored = score_clips(CLIPS, RARE_LABELS, detector.thresholds, best_event_per_clip)
    sweep = sweep_thresholds(CLIPS, [label], best_event_per_clip)[label]
    assert scored.per_label[label]["F1"] > np.nanmax(sweep[:, 2]) - MAX_POINTS


def test_scores_are_those_of_the_weights(detector, soundbank):
    """A few clips, rendered and heard again."""
    everything = Detector(detector.model, thresholds=0.0)
    recipes = rare_mini_recipes("rare_mini_all_val", soundbank)
    assert [recipe.name for recipe in recipes] == [clip.name for clip in CLIPS]
    for recipe, clip in list(zip(recipes, CLIPS))[::40]:
        events = everything.detect(render(recipe, soundbank), 44100)
        best = max((e.score for e in events if e.label == recipe.target), default=0.0)
        kept = max((e.score for e in clip.candidates), default=0.0)
        assert best == pytest.approx(kept, abs=0.05), recipe.name
