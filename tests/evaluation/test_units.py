"""F1, AUC and AP from counts against scikit-learn; frame-wise and mask scores by hand."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import Boxes, Instances
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from audiodet.config import get_cfg
from audiodet.errors import ConfigError, DataError
from audiodet.evaluation import unit_evaluators
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.unit_evaluators import FrameEvaluator, MaskEvaluator
from audiodet.evaluation.units import (
    best_f1,
    UnitScores,
    frame_scores,
    frame_truth,
    resampled_areas,
)

SECONDS = 0.1


def clips(n):
    return {i: ClipResult(str(i), 1.0) for i in range(n)}


def random_scores(truths=(0, 1), rounded=False, crowded=False):
    """Thirty clips of two labels; where scores are not crowded, half precision holds them."""
    rng = np.random.default_rng(0)
    units = UnitScores(["a", "b"], 0.5, rounded)
    scores = np.zeros((30, 2, 50))
    truth = rng.choice(truths, (30, 2, 50))
    for i in range(30):
        for k in range(2):
            spread = rng.normal(0.3 + 0.2 * truth[i, k], 0.2)
            exact = np.float16(np.clip(spread, 0, 1))
            scores[i, k] = 1 - 1e-4 * (1 - np.clip(spread, 0, 1)) if crowded else exact
            units.add(i, k, scores[i, k], truth[i, k])
    return units, *(x.transpose(1, 0, 2).reshape(2, -1) for x in (scores, truth))


@pytest.mark.parametrize("rounded, crowded", [(False, False), (False, True), (True, False)])
def test_equals_scikit_learn(rounded, crowded):
    """To the last digit; scores that half precision cannot tell apart too, unless rounded."""
    units, scores, truth = random_scores(rounded=rounded, crowded=crowded)
    flat = units.figures(clips(30))
    for k, label in enumerate("ab"):
        assert flat[f"F1-{label}"] == pytest.approx(100 * f1_score(truth[k], scores[k] >= 0.5))
        assert flat[f"AUC-{label}"] == 100 * roc_auc_score(truth[k], scores[k])
        assert flat[f"AP-{label}"] == 100 * average_precision_score(truth[k], scores[k])
    assert flat["mAP"] == pytest.approx((flat["AP-a"] + flat["AP-b"]) / 2)


def test_rounding_bounds_the_memory():
    """A hundred times the units: the same tables; crowded scores are then ranked as equal."""
    rng = np.random.default_rng(0)
    sizes = []
    for count in (1000, 100_000):
        units = UnitScores(["a"], 0.5, rounded=True)
        for number in range(40):
            units.add(number, 0, rng.random(count), rng.random(count) < 0.5)
        sizes.append(sum(table.nbytes for table in units.units.values()))
    assert sizes[0] == sizes[1] < 5e6
    exact, rounded = (random_scores(rounded=x, crowded=True)[0] for x in (False, True))
    assert exact.figures(clips(30))["AUC"] > 70 and rounded.figures(clips(30))["AUC"] == 50


@pytest.mark.parametrize("rounded", [False, True])
def test_shares_of_truth_are_weights(rounded):
    """A unit of truth 0.25 is a positive of weight 0.25 and a negative of weight 0.75."""
    units, scores, truth = random_scores((0, 0.25, 1), rounded)
    flat = units.figures(clips(30))
    y = np.repeat([1, 0], truth.shape[1])
    for k, label in enumerate("ab"):
        weights = np.concatenate([truth[k], 1 - truth[k]])
        x = np.tile(scores[k], 2)
        sk = {"sample_weight": weights}
        assert flat[f"F1-{label}"] == pytest.approx(100 * f1_score(y, x >= 0.5, **sk))
        assert flat[f"AUC-{label}"] == pytest.approx(100 * roc_auc_score(y, x, **sk))
        assert flat[f"AP-{label}"] == pytest.approx(100 * average_precision_score(y, x, **sk))


@pytest.mark.parametrize("rounded", [False, True])
def test_intervals_hold_the_figures(rounded):
    flat = random_scores(rounded=rounded)[0].figures(clips(30), n_bootstrap=200)
    for name in ("F1", "AUC", "mAP"):
        assert flat[f"{name}-low"] < flat[name] < flat[f"{name}-high"]
        assert flat[f"{name}-high"] - flat[f"{name}-low"] < 15


@pytest.mark.parametrize("count, tolerance", [(30, 1e-9), (3000, 0.2)])
def test_samples_are_those_of_drawn_clips(count, tolerance):
    """A clip drawn twice counts twice; of more than 1024 scores the ranks are rounded."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(10), count)
    truth = rng.random(10 * count) < 0.05
    scores = rng.normal(truth, 1.0)
    if count == 30:
        scores = scores.round(1)  # some are equal
    weights = rng.multinomial(10, np.full(10, 0.1), size=3).astype(float)
    areas = resampled_areas(weights, rows, scores, 1.0 - truth, truth.astype(float))
    for sample, drawn in enumerate(weights):
        sk = {"sample_weight": drawn[rows]}
        auc = 100 * roc_auc_score(truth, scores, **sk)
        ap = 100 * average_precision_score(truth, scores, **sk)
        assert areas["AUC"][sample] == pytest.approx(auc, abs=tolerance)
        assert areas["AP"][sample] == pytest.approx(ap, abs=tolerance)


def test_a_label_of_one_kind_has_no_auc():
    scores = UnitScores(["a", "b"], 0.5)
    scores.add(0, 0, np.array([0.2, 0.9]), np.array([0, 1]))
    scores.add(0, 1, np.array([0.2, 0.9]), np.array([0, 0]))
    flat = scores.figures(clips(1))
    assert np.isnan(flat["AUC-b"]) and np.isnan(flat["AP-b"]) and np.isnan(flat["F1-b"])
    assert flat["AUC"] == flat["mAP"] == flat["F1"] == 100


def event(onset, offset, label):
    return {"bbox": [onset, 0.0, offset, 1.0], "bbox_mode": 0, "category_id": label, "iscrowd": 0}


@pytest.fixture
def dataset():
    """A clip of 1 s with "a" from 0.25 to 0.5 s."""
    records = [
        {"file_name": "0.wav", "image_id": 0, "width": 1.0, "annotations": [event(0.25, 0.5, 0)]}
    ]
    DatasetCatalog.register("toy_frames", lambda: records)
    MetadataCatalog.get("toy_frames").set(thing_classes=["a", "b"], evaluator_type="sed")
    yield "toy_frames"
    DatasetCatalog.remove("toy_frames")
    MetadataCatalog.remove("toy_frames")


@pytest.fixture
def cfg():
    cfg = get_cfg()
    cfg.merge_from_list(["TEST.FRAME_SECONDS", SECONDS, "TEST.BOOTSTRAP", 0])
    return cfg


def test_frames_of_an_event():
    """The authors' rule: from the frame that holds the onset to the one that holds the offset."""
    record = {"annotations": [event(0.5, 1.0, 0), event(3.0, 3.04, 1)]}
    truth = frame_truth(record, 311, 0.032, 2)
    assert truth[:, 0].nonzero()[0].tolist() == list(range(15, 32))  # 15.625, 31.25
    assert truth[:, 1].nonzero()[0].tolist() == [93, 94, 95]  # 93.75, 95.0


def test_frame_scores_by_hand(dataset, cfg, tmp_path):
    """True frames 2 to 5 of ten; steps of 0.2 s, of which the second and the last are found."""
    steps = torch.tensor([[0.0], [0.9], [0.4], [0.0], [0.8]])
    output = {
        "frame_scores": torch.cat([steps, 0 * steps], 1),
        "frame_seconds": torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9]),
    }
    evaluator = FrameEvaluator(dataset, cfg, str(tmp_path))
    evaluator.process([{"image_id": 0, "width": 1.05}], [output])
    found = evaluator.evaluate()["frames"]
    truth = np.array([0, 0, 1, 1, 1, 1, 0, 0, 0, 0])
    scores = np.repeat([0.0, 0.9, 0.4, 0.0, 0.8], 2)
    assert found["F1"] == found["F1-a"] == pytest.approx(100 * f1_score(truth, scores >= 0.5))
    assert found["AUC"] == pytest.approx(100 * roc_auc_score(truth, scores))
    assert found["mAP"] == pytest.approx(100 * average_precision_score(truth, scores))
    assert json.loads((tmp_path / "frames.json").read_text())["frames"]["F1-b"] is None


def test_frames_with_scores_near_one_are_told_apart(dataset, cfg):
    """float32 scores of which half precision makes 1.0."""
    scores = torch.tensor([0.9999, 0.99991, 0.99997, 0.99993, 0.99996, 0.99992, 0.9999, 0.99994])
    seconds = 0.1 * torch.arange(10) + 0.05
    scores = torch.cat([scores, torch.tensor([0.99995, 0.9999])])[:, None].repeat(1, 2)
    evaluator = FrameEvaluator(dataset, cfg)
    output = {"frame_scores": scores, "frame_seconds": seconds}
    evaluator.process([{"image_id": 0, "width": 1.0}], [output])
    flat = evaluator.evaluate()["frames"]
    truth = np.array([0, 0, 1, 1, 1, 1, 0, 0, 0, 0])
    assert flat["AUC-a"] == 100 * roc_auc_score(truth, scores[:, 0])
    assert flat["AP-a"] == 100 * average_precision_score(truth, scores[:, 0])


def test_events_give_frame_scores():
    """A region detector's: the best event that holds a frame's centre."""
    found = Instances(
        (1, 1),
        pred_boxes=Boxes(torch.tensor([[0.25, 0, 0.5, 1], [0.4, 0, 0.9, 1]])),
        scores=torch.tensor([0.9, 0.3]),
        pred_classes=torch.tensor([0, 0]),
    )
    scores = frame_scores({"instances": found}, 10, SECONDS, 2)
    np.testing.assert_allclose(
        scores[:, 0], [0, 0, 0.9, 0.9, 0.9, 0.3, 0.3, 0.3, 0.3, 0], atol=1e-7
    )
    assert not scores[:, 1].any()


def test_masks_by_hand(dataset, cfg, tmp_path, monkeypatch):
    """Two bands, ten frames: the events are in the lower band only, in all frames."""
    monkeypatch.setattr(unit_evaluators, "mixture_mels", lambda *_: SimpleNamespace())
    lower = np.repeat([[True], [False]], 10, axis=1)
    monkeypatch.setattr(unit_evaluators, "binary_mask", lambda *_: lower)
    monkeypatch.setattr(unit_evaluators, "ratio_mask", lambda *_: 0.5 * lower)
    evaluator = MaskEvaluator(dataset, cfg, str(tmp_path))
    monkeypatch.setattr(type(evaluator._log_mel), "seconds_per_frame", SECONDS)
    found = torch.zeros(2, 2, 10)
    found[0, 0, 3:7] = 0.9  # three of the four true bins, and one more
    evaluator.process([{"image_id": 0}], [{"masks": found}])
    result = evaluator.evaluate()
    assert result["masks"]["F1-a"] == pytest.approx(100 * 2 * 3 / (4 + 4))
    # half of each true bin is positive: hits 1.5, found 4, true 2
    assert result["masks_ratio"]["F1-a"] == pytest.approx(100 * 2 * 1.5 / (4 + 2))
    assert set(json.loads((tmp_path / "masks.json").read_text())) == {"masks", "masks_ratio"}


def test_masks_of_a_system_that_has_none(dataset, cfg):
    evaluator = MaskEvaluator(dataset, cfg)
    cfg.MODEL.META_ARCHITECTURE = "SequenceTagger"
    with pytest.raises(ConfigError, match="names 'masks', which SequenceTagger does not give here"):
        evaluator.process([{"image_id": 0}], [{"frame_scores": torch.zeros(10, 2)}])


def test_masks_of_a_recording_whose_parts_are_unknown(dataset, cfg):
    with pytest.raises(DataError, match="0.wav: events and scene are not known apart"):
        MaskEvaluator(dataset, cfg).process([{"image_id": 0}], [{"masks": torch.zeros(2, 64, 10)}])


def test_the_best_f1_by_hand():
    """Equal scores are reported together: all four are best with three true, three with two."""
    scores = np.array([0.9, 0.7, 0.7, 0.2])
    positive = np.array([1.0, 1.0, 0.0, 1.0])
    assert best_f1(scores, 1 - positive, positive) == pytest.approx(100 * 6 / 7)
    positive = np.array([1.0, 1.0, 0.0, 0.0])
    assert best_f1(scores, 1 - positive, positive) == pytest.approx(100 * 4 / 5)
    assert np.isnan(best_f1(scores, np.ones(4), np.zeros(4)))
