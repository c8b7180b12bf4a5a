"""Folds are pooled by their counts: the figures of all clips together."""

import json

import pytest

from audiodet.engine.setup import load_config
from audiodet.evaluation.clips import ClipResult, save_clips
from audiodet.events import Event
from cross_validate import of_fold, pooled


def test_counts_are_summed_before_f1_is_taken(tmp_path):
    """1 of 1 and 1 of 4 seconds found: 2 * 2 / (5 + 2), not the mean of 1 and 0.4."""
    cfg = load_config("configs/crnn/tut2016_crnn.yaml", ["DATASETS.LABELS", "('a',)"])
    spans = [(1, 1), (4, 1)]
    for fold, (true, found) in enumerate(spans):
        events = [Event(0.0, float(found), "a")]
        clip = ClipResult(f"{fold}", 5.0, [Event(0.0, float(true), "a")], events)
        save_clips([clip], tmp_path / str(fold) / "clips.jsonl")
        tags = {"tagging": {"EER": 10.0 * fold, "F1": 50.0, "mAP": 50.0}}
        (tmp_path / str(fold) / "tagging.json").write_text(json.dumps(tags))
    figures = pooled([tmp_path / "0", tmp_path / "1"], cfg)
    assert figures["1 s F1"] == pytest.approx(100 * 4 / 7)
    assert figures["frame F1"] == pytest.approx(100 * 4 / 7)
    assert figures["legacy F1 of 1 s"] == pytest.approx(100 * 2 / 5)
    assert figures["tags EER"] == 5.0


def test_datasets_of_a_fold():
    cfg = load_config("configs/crnn/tut2016_crnn.yaml", [])
    opts = of_fold(cfg, 3)
    assert opts[1].endswith("/fold3")
    assert "['tut_sed_2016_fold3_fit']" in opts and "['tut_sed_2016_fold3_test']" in opts
