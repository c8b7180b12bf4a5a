"""Cross-validation bookkeeping on results made by hand; no training."""
import json
from pathlib import Path

import pytest

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.errors import AudiodetError
from audiodet.evaluation import ClipResult, save_clips
from audiodet.experiments.runs import (
    Run, cross_fold_thresholds, own_thresholds, pooled_scores, rare_mini_run, train_all,
    training_minutes,
)  # fmt: skip
from audiodet.modeling.postprocessing import Event


def write_fold(root, fold, hits, false_alarms):
    """A finished run: one clip with an event per score in ``hits``, one without per other score."""
    run = rare_mini_run("none.yaml", "toy", fold, root)
    for condition in ("quiet", "hard"):
        clips = [
            ClipResult(f"{condition}{fold}hit{i}", 30.0, [Event(1.0, 2.0, "babycry")],
                       [Event(1.0, 2.0, "babycry", s)], "babycry", f"group{i}")
            for i, s in enumerate(hits)
        ]  # fmt: skip
        clips += [
            ClipResult(f"{condition}{fold}no{i}", 30.0, [], [Event(3.0, 4.0, "babycry", s)], "babycry", "g")
            for i, s in enumerate(false_alarms)
        ]
        folder = run.folder / "inference" / f"rare_mini_{condition}_fold{fold}_test"
        folder.mkdir(parents=True)
        save_clips(clips, folder / "clips.jsonl")
        save_clips(clips, run.folder / "inference" / "validation.jsonl")
    return run


@pytest.fixture
def runs(tmp_path):
    return [
        write_fold(tmp_path, 0, hits=[0.9, 0.8], false_alarms=[0.3]),
        write_fold(tmp_path, 1, hits=[0.6, 0.5], false_alarms=[0.2]),
        write_fold(tmp_path, 2, hits=[0.95, 0.4], false_alarms=[0.7]),
    ]


def test_a_folds_threshold_never_sees_its_own_clips(runs):
    found = cross_fold_thresholds(runs)
    assert 0.2 < found[2]["babycry"] <= 0.5  # folds 0 and 1: all hits above 0.5, one false alarm at 0.3
    assert found[2]["babycry"] > 0.3
    # changing fold 2's own clips changes the thresholds of the others only
    for condition in ("quiet", "hard"):
        path = runs[2].folder / "inference" / f"rare_mini_{condition}_fold2_test" / "clips.jsonl"
        path.unlink()
        save_clips([ClipResult(condition, 30.0, [Event(1.0, 2.0, "babycry")], [], "babycry", "g")], path)
    again = cross_fold_thresholds(runs)
    assert again[2] == found[2] and again[0] != found[0]


def test_pooling_decides_each_fold_with_its_own_threshold(runs):
    by_fold = {0: 0.85, 1: 0.1, 2: 0.5}
    thresholds = {fold: dict.fromkeys(RARE_LABELS, t) for fold, t in by_fold.items()}
    scores = pooled_scores(runs, "quiet", thresholds)
    # fold 0: 1 hit, 1 miss; fold 1: 2 hits, 1 inserted; fold 2: 1 hit, 1 miss, 1 inserted
    assert scores.totals["babycry"].tolist() == [4, 2, 2]
    assert scores.mean["ER"] == pytest.approx(4 / 6)


def test_own_thresholds_come_from_each_runs_validation(runs):
    found = own_thresholds(runs)
    assert len(set(found[0].values())) == 1  # one for all labels
    assert 0.3 < found[0]["babycry"] <= 0.8 and 0.2 < found[1]["babycry"] <= 0.5


def test_what_is_done_is_not_trained_again_and_a_failure_names_its_log(tmp_path):
    config = Path("configs/quick/rcrnn.yaml").resolve()
    done = Run(config, tmp_path / "done", 0)
    done.folder.mkdir()
    (done.folder / "done").write_text(done.signature)
    train_all([done], jobs=1)
    failing = Run(config, tmp_path / "failing", 0, ["DATASETS.TRAIN", "['no_such_dataset']"])
    with pytest.raises(AudiodetError, match="failing/train.log: the training ended with code 1"):
        train_all([done, failing], jobs=1)
    assert "'no_such_dataset' is not registered" in (failing.folder / "train.log").read_text()
    assert not failing.done
    other = Run(config, done.folder, 0, ["SOLVER.BASE_LR", "0.5"])
    with pytest.raises(AudiodetError, match="done: holds the result of other settings"):
        train_all([other], jobs=1)


def test_training_minutes_by_hand(tmp_path):
    run = Run("x.yaml", tmp_path, 0)
    lines = [{"iteration": 19, "time": 0.5}, {"iteration": 39, "time": 0.7}, {"iteration": 39}]
    (tmp_path / "metrics.json").write_text("\n".join(map(json.dumps, lines)))
    assert training_minutes(run) == pytest.approx(40 * 0.6 / 60)
