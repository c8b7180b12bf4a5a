"""Contrasts of stored clips, and that a fold has no say in its own."""

import pytest

from audiodet.evaluation.clips import ClipResult
from audiodet.events import Event
from audiodet.postprocessing.contrast import contrasted
from papers.folds import at_contrast, chosen_folds, contrast_of


def clip(name, hit, noise, present=True):
    """A second that is a cry or none, and 20 s of a background that resembles one."""
    truth = [Event(1.0, 2.0, "babycry")] if present else []
    found = [Event(5.0, 25.0, "babycry", noise), Event(1.0, 2.0, "babycry", hit)]
    return ClipResult(name, 30.0, truth, found, "babycry", "a source")


def test_the_candidates_of_a_label_take_from_each_other():
    edited = contrast_of(clip("a", 0.9, 0.3), 0.75)
    expected = contrasted([0.3, 0.9], [20.0, 1.0], 30.0, 0.75)
    scores = {event.onset: event.score for event in edited.candidates}
    assert scores == {5.0: pytest.approx(expected[0]), 1.0: pytest.approx(expected[1])}
    assert edited.reference == clip("a", 0.9, 0.3).reference


def test_each_fold_takes_the_weight_that_is_best_for_the_others(capsys):
    """Folds 0 and 1 need a contrast: what is loud in a noisy clip is no cry. Fold 2 does not."""

    def needs(name):
        calm = [clip(f"{name}{i}", 0.6, 0.001) for i in range(3)]
        return calm + [clip(f"{name}n{i}", 0.9, 0.5, present=False) for i in range(3)]

    folds = {0: {"quiet": needs("a")}, 1: {"quiet": needs("b")}}
    folds[2] = {"quiet": [clip(f"c{i}", 0.6, 0.001) for i in range(3)]}
    candidates = {weight: at_contrast(folds, weight) for weight in (0.0, 1.0)}
    found, thresholds = chosen_folds(candidates, "across", "a row")
    assert found[0]["quiet"][3].candidates[0].score < 0.5
    assert "a row, fold 2: 1.0, the best of the other folds" in capsys.readouterr().out
    hit = candidates[1.0][0]["quiet"][0].candidates[0].score
    assert found[0]["quiet"][3].candidates[0].score < thresholds[0]["babycry"] < hit
    assert set(thresholds) == {0, 1, 2, "all"}
