"""What is trained, what is not trained again, and what a run's result depends on."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from detectron2.config import CfgNode

from audiodet.errors import AudiodetError
from audiodet.weights import SHIPPED, read_card
from papers import engine, runs
from audiodet.config.node import as_arguments
from papers.runs import Run, train_all, training_minutes, with_needed
from papers.stored import final_thresholds
from tests.tools.papers import fake_training
from tests.tools.papers.conftest import table_of

CONFIG = Path("configs/quick/rcrnn.yaml").resolve()


def test_what_is_done_is_not_trained_again_and_a_failure_names_its_log(tmp_path):
    done = Run(CONFIG, tmp_path / "done")
    done.folder.mkdir()
    done.mark.write_text(json.dumps(done.signature))
    train_all([done], jobs=1)
    failing = Run(CONFIG, tmp_path / "failing", {"DATASETS.TRAIN": ["no_such_dataset"]})
    with pytest.raises(AudiodetError, match="failing/train.log: the training ended with code 1"):
        train_all([done, failing], jobs=1)
    assert "'no_such_dataset' is not registered" in (failing.folder / "train.log").read_text()
    assert not failing.done
    other = Run(CONFIG, done.folder, {"SOLVER.BASE_LR": 0.5})
    with pytest.raises(AudiodetError, match="done: holds the result of other settings"):
        train_all([other], jobs=1)


def test_a_config_edited_during_the_training_is_not_what_was_trained(tmp_path, monkeypatch):
    config = tmp_path / "mine.yaml"
    config.write_text("SOLVER: {MAX_ITER: 5}")
    run = Run(config, tmp_path / "run")

    def edit(*args, **kwargs):
        config.write_text("SOLVER: {MAX_ITER: 9}")
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(runs.subprocess, "run", edit)
    train_all([run], jobs=1)
    assert json.loads(run.mark.read_text())["SOLVER.MAX_ITER"] == 5 and not run.done


def test_an_output_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    run = Run(CONFIG, tmp_path / "file" / "run")
    with pytest.raises(AudiodetError, match="file/run: cannot be written"):
        train_all([run], jobs=1)


def test_training_minutes_by_hand(tmp_path):
    run = Run("x.yaml", tmp_path)
    lines = [{"iteration": 19, "time": 0.5}, {"iteration": 39, "time": 0.7}, {"iteration": 39}]
    (tmp_path / "metrics.json").write_text("\n".join(map(json.dumps, lines)))
    assert training_minutes(run) == pytest.approx(40 * 0.6 / 60)


def test_a_setting_that_is_new_must_be_at_its_default(tmp_path):
    """Results outlive the addition of keys, but not the change of a value."""
    run = Run(Path("configs/rcrnn/rare.yaml").resolve(), tmp_path)
    then = run.signature
    del then["MODEL.FUSION.WEIGHT"], then["TEST.COLLAR"]
    run.mark.write_text(json.dumps(then))
    assert run.done
    run.opts = {"TEST.COLLAR": 0.2}
    assert not run.done
    run.opts = {}
    run.mark.write_text(json.dumps({**then, "SOLVER.BASE_LR": 0.1}))
    assert not run.done


def test_settings_are_values_and_become_text_in_one_place():
    opts = {"DATASETS.TEST": ["a", "b"], "SOLVER.BASE_LR": 0.5, "TEST.COLLAR": 1}
    assert as_arguments(opts) == [
        *("DATASETS.TEST", "['a', 'b']", "SOLVER.BASE_LR", "0.5", "TEST.COLLAR", "1")
    ]
    cfg = Run(CONFIG, Path("x"), {**opts, "SEED": 7, "TEST.COLLAR": 0.25}).cfg
    assert list(cfg.DATASETS.TEST) == ["a", "b"] and cfg.SEED == 7 and cfg.TEST.COLLAR == 0.25


def test_what_a_run_starts_from_ends_before_it_and_is_part_of_it(tmp_path, monkeypatch):
    """A detector that is trained anew makes its evaluation stale."""
    order = []

    def run(command, **kwargs):
        order.append(Path(command[command.index("OUTPUT_DIR") + 1]).name)
        return fake_training.run(command, **kwargs)

    monkeypatch.setattr(runs.subprocess, "run", run)
    first = Run(CONFIG, tmp_path / "first", {"DATASETS.TEST": [], "DATASETS.VAL": []})
    weights = str(first.folder / "model_final.pth")
    second = Run(CONFIG, tmp_path / "second", first.opts, after=[first], weights=weights, tune=True)
    train_all([second, first], jobs=2)
    assert order == ["first", "second"]
    assert second.done and second.signature["sha1"] != first.signature.get("sha1")
    Path(weights).write_bytes(b"another")
    assert first.done and not second.done
    with pytest.raises(AudiodetError, match="second: holds the result of other settings"):
        train_all([second])


def test_each_run_is_named_once_after_what_it_needs(tmp_path):
    first = Run(CONFIG, tmp_path / "first")
    rows = [Run(CONFIG, tmp_path / name, after=[first]) for name in ("second", "third")]
    folders = [run.folder.name for run in with_needed([*rows, first])]
    assert folders == ["first", "second", "third"]


def test_models_that_ship_decide_by_their_own_rules(options, trainings):
    """Thresholds, filters, gaps, lengths and gates of the file go into its evaluation."""
    engine.reproduce("tfseg-shipped", options)
    weights = SHIPPED / "tfseg_remix_mini.safetensors"
    cfg = CfgNode.load_cfg(read_card(weights)["config"])
    for command in trainings:
        assert "--eval-only" in command
        given = dict(zip(command[-2::-2], command[-1::-2]))
        assert given["MODEL.WEIGHTS"] == str(weights)
        assert given["TEST.THRESHOLDS"] == str(list(cfg.TEST.THRESHOLDS))
        assert given["MODEL.TFSEG.GATES"] == str(list(cfg.MODEL.TFSEG.GATES))
        assert given["MODEL.TAGGER.MEDIANS"] == str(list(cfg.MODEL.TAGGER.MEDIANS))
    (run, *_) = table_of("tfseg-shipped", options).runs
    assert list(final_thresholds(run).values()) == list(cfg.TEST.THRESHOLDS)
