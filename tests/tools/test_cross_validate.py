"""Folds are pooled by their counts: the figures of all clips together."""

import json

import pytest

from audiodet.engine.setup import load_config
from audiodet.evaluation.clips import ClipResult, save_clips
from audiodet.events import Event
from cross_validate import of_fold, pooled


def test_counts_are_summed_before_f1_is_taken(tmp_path):
    """1 of 1 and 1 of 4 seconds found: 2 * 2 / (5 + 2), not the mean of 1 and 0.4.

    But the legacy F1 is averaged over the folds: of seconds of 1, and of 1, 0, 0 and 0.
    """
    cfg = load_config("configs/crnn/tut2016_crnn.yaml", ["DATASETS.LABELS", "('a',)"])
    spans = [(1, 1), (4, 1)]
    for fold, (true, found) in enumerate(spans):
        events = [Event(0.0, float(found), "a")]
        clip = ClipResult(f"{fold}", 5.0, [Event(0.0, float(true), "a")], events)
        save_clips([clip], tmp_path / str(fold) / "clips.jsonl")
        tags = {"tagging": {"EER": 10.0 * fold, "F1": 50.0, "AUC": 50.0, "mAP": 50.0}}
        (tmp_path / str(fold) / "tagging.json").write_text(json.dumps(tags))
    figures = pooled([tmp_path / "0", tmp_path / "1"], cfg)
    assert figures["1 s F1"] == pytest.approx(100 * 4 / 7)
    assert figures["frame F1"] == pytest.approx(100 * 4 / 7)
    assert figures["legacy F1 of 1 s"] == pytest.approx((100 + 25) / 2)
    assert figures["tags EER"] == 5.0


def test_figures_of_folds_are_averaged(tmp_path):
    """Kong et al.'s four tasks; segments of all labels are not theirs."""
    cfg = load_config("configs/tfseg/dcase2018_gwrp.yaml", [])
    names = ("EER", "F1", "AUC", "mAP", "ER", "deletions", "insertions")
    files = {"tagging": "tagging", "frames": "frames", "masks": "masks", "metrics": "sed"}
    for fold in (1, 2):
        for place, (file, task) in enumerate(files.items()):
            figures = {task: dict.fromkeys(names, 10.0 * place + fold)}
            (tmp_path / str(fold)).mkdir(exist_ok=True)
            (tmp_path / str(fold) / f"{file}.json").write_text(json.dumps(figures))
        save_clips([], tmp_path / str(fold) / "clips.jsonl")
    found = pooled([tmp_path / "1", tmp_path / "2"], cfg)
    assert found["tags mAP"] == 1.5 and found["frames AUC"] == 11.5
    assert found["masks F1"] == 21.5 and found["events ER"] == 31.5
    assert len(found) == 4 + 3 + 3 + 4


def test_datasets_of_a_fold():
    cfg = load_config("configs/crnn/tut2016_crnn.yaml", [])
    opts = of_fold(cfg, 3)
    assert opts[1].endswith("/fold3")
    assert "['tut_sed_2016_fold3_fit']" in opts and "['tut_sed_2016_fold3_test']" in opts
