"""Cross-validation bookkeeping on results made by hand; no training."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.errors import AudiodetError
from audiodet.evaluation import ClipResult, save_clips
from papers.runs import (
    CONDITIONS,
    Run,
    across_folds,
    cross_fold_thresholds,
    own_thresholds,
    pooled_scores,
    rare_mini_run,
    train_all,
    training_minutes,
)
from papers.runs import test_clips as clips_of
from audiodet.events import Event


def write_fold(root, fold, hits, false_alarms):
    """A finished run: one clip with an event per score in ``hits``, one without per other score."""
    run = rare_mini_run("none.yaml", "toy", fold, root)
    for condition in ("quiet", "hard"):
        clips = [
            ClipResult(
                f"{condition}{fold}hit{i}",
                30.0,
                [Event(1.0, 2.0, "babycry")],
                [Event(1.0, 2.0, "babycry", s)],
                "babycry",
                f"group{i}",
            )
            for i, s in enumerate(hits)
        ]
        clips += [
            ClipResult(
                f"{condition}{fold}no{i}", 30.0, [], [Event(3.0, 4.0, "babycry", s)], "babycry", "g"
            )
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
    assert (
        0.2 < found[2]["babycry"] <= 0.5
    )  # folds 0 and 1: all hits above 0.5, one false alarm at 0.3
    assert found[2]["babycry"] > 0.3
    # changing fold 2's own clips changes the thresholds of the others only
    for condition in ("quiet", "hard"):
        path = runs[2].folder / "inference" / f"rare_mini_{condition}_fold2_test" / "clips.jsonl"
        path.unlink()
        save_clips(
            [ClipResult(condition, 30.0, [Event(1.0, 2.0, "babycry")], [], "babycry", "g")], path
        )
    again = cross_fold_thresholds(runs)
    assert again[2] == found[2] and again[0] != found[0]


def test_one_fold_alone_has_no_threshold_from_others(runs):
    clips = {run.fold: [c for x in CONDITIONS for c in clips_of(run, x)] for run in runs}
    found = across_folds(clips)
    assert found == {
        fold: own for fold, own in cross_fold_thresholds(runs).items() if fold != "all"
    }
    assert across_folds({0: clips[0]}) == {}


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
    done.mark.write_text(json.dumps(done.signature))
    train_all([done], jobs=1)
    failing = Run(config, tmp_path / "failing", 0, ["DATASETS.TRAIN", "['no_such_dataset']"])
    with pytest.raises(AudiodetError, match="failing/train.log: the training ended with code 1"):
        train_all([done, failing], jobs=1)
    assert "'no_such_dataset' is not registered" in (failing.folder / "train.log").read_text()
    assert not failing.done
    other = Run(config, done.folder, 0, ["SOLVER.BASE_LR", "0.5"])
    with pytest.raises(AudiodetError, match="done: holds the result of other settings"):
        train_all([other], jobs=1)


def test_a_config_edited_during_the_training_is_not_what_was_trained(tmp_path, monkeypatch):
    config = tmp_path / "configs" / "mine.yaml"
    config.parent.mkdir()
    config.write_text("SOLVER: {MAX_ITER: 5}")
    run = Run(config, tmp_path / "run", 0)

    def edit(*args, **kwargs):
        config.write_text("SOLVER: {MAX_ITER: 9}")
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr("papers.runs.subprocess.run", edit)
    train_all([run], jobs=1)
    assert json.loads(run.mark.read_text())["SOLVER.MAX_ITER"] == 5 and not run.done


def test_an_output_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    run = Run(Path("configs/quick/rcrnn.yaml").resolve(), tmp_path / "file" / "run", 0)
    with pytest.raises(AudiodetError, match="file/run: cannot be written"):
        train_all([run], jobs=1)


def test_training_minutes_by_hand(tmp_path):
    run = Run("x.yaml", tmp_path, 0)
    lines = [{"iteration": 19, "time": 0.5}, {"iteration": 39, "time": 0.7}, {"iteration": 39}]
    (tmp_path / "metrics.json").write_text("\n".join(map(json.dumps, lines)))
    assert training_minutes(run) == pytest.approx(40 * 0.6 / 60)


def test_a_setting_that_is_new_must_be_at_its_default(tmp_path):
    """Results outlive the addition of keys, but not the change of a value."""
    run = Run(Path("configs/rcrnn/rare.yaml").resolve(), tmp_path, 0)
    then = run.signature
    del then["MODEL.FUSION.WEIGHT"], then["TEST.COLLAR"]
    run.mark.write_text(json.dumps(then))
    assert run.done
    run.opts = ["TEST.COLLAR", "0.2"]
    assert not run.done
    run.opts = []
    run.mark.write_text(json.dumps({**then, "SOLVER.BASE_LR": 0.1}))
    assert not run.done
