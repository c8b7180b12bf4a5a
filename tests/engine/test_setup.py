"""Configurations and datasets that cannot work: one clear line, before anything is trained."""

import argparse
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from torch.multiprocessing import ProcessRaisedException

from audiodet.engine import setup as engine_setup
from audiodet.engine.setup import load_config, setup
from audiodet.errors import ConfigError
from tests.tiny import LABELS, ROOT, run_tool, tiny_opts, write_clip


@pytest.fixture
def yaml(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return str(path)

    return write


NESTED = "SOLVER:\n  MAX_ITR: 3\n"


@pytest.mark.parametrize(
    "wrong, near, text",
    [
        ("SOLVER.MAX_ITR", "SOLVER.MAX_ITER", NESTED),
        (
            "SOLVER.EARLY_STOP.PATIENT",
            "SOLVER.EARLY_STOP.PATIENCE",
            "SOLVER: {EARLY_STOP: {PATIENT: 3}}",
        ),
        ("INPUT.SPECTOGRAM", "INPUT.SPECTROGRAM", "INPUT: {SPECTOGRAM: {HOP: 3}}"),
    ],
)
def test_misspelt_key(wrong, near, text, yaml):
    with pytest.raises(ConfigError) as error:
        load_config(yaml(text))
    assert str(error.value) == f"{yaml(text)}: unknown key {wrong}, did you mean {near}?"
    option = wrong + ".HOP" if wrong == "INPUT.SPECTOGRAM" else wrong
    hint = near + ".HOP" if wrong == "INPUT.SPECTOGRAM" else near
    with pytest.raises(ConfigError) as error:
        load_config("", [option, "3"])
    assert str(error.value) == f"command line: unknown key {option}, did you mean {hint}?"


def test_key_like_no_other(yaml):
    with pytest.raises(ConfigError, match="mine.yaml: unknown key QQQQ$"):
        load_config(yaml("QQQQ: 1"))


def test_the_place_of_the_mistake_is_named(yaml):
    """A good file and a bad command line."""
    with pytest.raises(ConfigError, match="^command line: unknown key SOLVER.MAX_ITR"):
        load_config(yaml("VERSION: 2"), ["SOLVER.MAX_ITR", "3"])


@pytest.mark.parametrize(
    "text, message",
    [
        ("SOLVER: {MAX_ITER: many}", "SOLVER.MAX_ITER"),
        ("SOLVER: 3", "SOLVER"),
        ("MODEL: {BACKBONE: {FREEZE: 1}}", "MODEL.BACKBONE.FREEZE"),
        ("- 1\n- 2\n", "expected KEY: value"),
        ("", "expected KEY: value"),
        ("SOLVER: {MAX_ITER: 3", "line 1"),
        ("_BASE_: nowhere.yaml", "nowhere.yaml"),
        ("_BASE_: 3", "expected KEY: value"),
    ],
)
def test_bad_file(text, message, yaml):
    with pytest.raises(ConfigError, match="^[^\n]*$") as error:
        load_config(yaml(text))
    assert message in str(error.value) and "mine.yaml" in str(error.value)


def test_code_in_a_yaml_never_runs(yaml, tmp_path):
    """detectron2 would run it."""
    with pytest.raises(ConfigError, match="mine.yaml"):
        load_config(yaml(f"OUTPUT_DIR: !!python/object/apply:os.mkdir ['{tmp_path}/ran']"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "opts, message",
    [
        (["SOLVER.MAX_ITER", "many"], "SOLVER.MAX_ITER is many .str., expected int such as 4"),
        (["SOLVER.MAX_ITER"], "odd length"),
        (["DATASETS.LABELS", "dog"], "DATASETS.LABELS"),
        (["SOLVER.EARLY_STOP", "3"], "SOLVER.EARLY_STOP"),
        (["SOLVER.MAX_ITER.MORE", "3"], "SOLVER.MAX_ITER.MORE"),
        (["TEST.THRESHOLDS", "[0.5, 0.5]"], "has 2 values, expected 1 or one for each of .*LABELS"),
        (["SOLVER.AMP.ENABLED", "True", "MODEL.DEVICE", "cpu"], "AMP.ENABLED is True on a CPU"),
        (["SOLVER.BEST.MODE", "least"], "SOLVER.BEST.MODE is 'least', expected 'min' or 'max'"),
        (["SOLVER.EARLY_STOP.MODE", "MIN"], "SOLVER.EARLY_STOP.MODE is 'MIN'"),
        (["SOLVER.BEST.METRIC", "val/total_loss"], "VAL_PERIOD is 0 and DATASETS.VAL is"),
        (["SOLVER.EARLY_STOP.PATIENCE", "2"], "VAL_PERIOD is 0"),
        (["SOLVER.BEST.METRIC", "val/total_loss", "SOLVER.VAL_PERIOD", "5"], "VAL is .*: set both"),
        (["INPUT.SPECTROGRAM.NORMALIZE_CLIPS", "0"], "NORMALIZE_CLIPS is 0, expected at least 1"),
        (["TEST.TUNE_THRESHOLDS", "True", "DATASETS.TEST", "['a']"], r"VAL \[\] and .*\['a'\]"),
        (
            [
                "TEST.TUNE_THRESHOLDS",
                "True",
                "DATASETS.TEST",
                "['a', 'b']",
                "DATASETS.VAL",
                "['b']",
            ],
            r"VAL \['b'\] and DATASETS.TEST \['a', 'b'\]",
        ),
        (["SOLVER.BEST.METRIC", "sed/F1"], "'sed/F1'.* TEST.EVAL_PERIOD is 0"),
        (
            ["SOLVER.EARLY_STOP.PATIENCE", "2", "SOLVER.EARLY_STOP.METRIC", "sed/F1"],
            "'sed/F1'.* TEST.EVAL_PERIOD is 0",
        ),
        (["SOLVER.BEST.METRIC", "sed/F1", "TEST.EVAL_PERIOD", "5"], r"VAL is \[\]: set both"),
        (
            ["SOLVER.TOP.COUNT", "2", "SOLVER.TOP.METRIC", "sed/F1", "TEST.EVAL_PERIOD", "5"],
            r"'sed/F1'.* TEST.EVAL_PERIOD is 5 and DATASETS.VAL is \[\]: set both",
        ),
    ],
)
def test_values_that_cannot_work(opts, message):
    with pytest.raises(ConfigError, match=message) as error:
        load_config("", opts)
    assert "\n" not in str(error.value)


def test_missing_file():
    with pytest.raises(ConfigError, match="no/such.yaml"):
        load_config("no/such.yaml")


def test_classes_follow_the_labels_and_the_config_is_frozen():
    cfg = load_config("", ["DATASETS.LABELS", "['dog', 'car']", "TEST.THRESHOLDS", "[0.5, 0.7]"])
    assert cfg.MODEL.ROI_HEADS.NUM_CLASSES == 2
    with pytest.raises(AttributeError):
        cfg.SEED = 3


def test_command_line_wins_over_file_and_file_over_defaults(yaml):
    path = yaml("SOLVER: {MAX_ITER: 7, VAL_PERIOD: 3}")
    cfg = load_config(path, ["SOLVER.MAX_ITER", "8"])
    assert (cfg.SOLVER.MAX_ITER, cfg.SOLVER.VAL_PERIOD, cfg.TEST.COLLAR) == (8, 3, 0.5)


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_unwritable_output_folder(below, tmp_path):
    (tmp_path / "file").write_text("mine")
    folder = str(tmp_path / "file" / below)
    args = argparse.Namespace(config_file="", opts=["OUTPUT_DIR", folder])
    with pytest.raises(ConfigError) as error:
        setup(args)
    assert str(error.value).startswith(f"OUTPUT_DIR {folder}: cannot be written (")
    assert (tmp_path / "file").read_text() == "mine"


def test_setup_registers_datasets_and_leaves_no_probe(tiny_data, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_setup, "default_setup", lambda cfg, args: None)
    monkeypatch.setattr(engine_setup, "setup_logger", lambda *args, **kwargs: None)
    opts = tiny_opts(tiny_data, tmp_path / "out")
    cfg = setup(argparse.Namespace(config_file=tiny_data.yaml, opts=opts))
    assert cfg.is_frozen() and len(DatasetCatalog.get(cfg.DATASETS.TRAIN[0])) == 6
    assert os.listdir(tmp_path) == ["out"] and os.listdir(tmp_path / "out") == []


@pytest.fixture
def own_data(tmp_path):
    """Writes a label table over one clip and gives the arguments that name it as TRAIN."""

    def write(table, *opts):
        write_clip(tmp_path / "a.wav", np.random.default_rng(0), [])
        (tmp_path / "labels.tsv").write_text(table)
        name = f"{tmp_path.name}_own"
        spec = f"{name}={tmp_path}/labels.tsv:{tmp_path}"
        return (
            "OUTPUT_DIR",
            tmp_path / "out",
            "DATASETS.CUSTOM",
            [spec],
            "DATASETS.TRAIN",
            [name],
            "DATASETS.LABELS",
            LABELS,
            "DATASETS.TEST",
            [],
            *opts,
        )

    yield write
    for catalog in (DatasetCatalog, MetadataCatalog):
        if f"{tmp_path.name}_own" in catalog.list():
            catalog.remove(f"{tmp_path.name}_own")


HEADER = "filename\tonset\toffset\tevent_label\n"


@pytest.mark.parametrize(
    "table, opts, message",
    [
        (HEADER, (), "labels.tsv: 0 clips listed"),
        (HEADER + "a.wav\t0.1\t0.5\tdog\n", (), "labels.tsv:2: "),
        (HEADER + "a.wav\t0.5\t0.1\tburst\n", (), "labels.tsv:2: "),
        (HEADER + "b.wav\n", (), "b.wav"),
        (HEADER + "a.wav\n", ("DATASETS.TRAIN", ["rare_mine"]), "'rare_mine' is not registered"),
        (HEADER + "a.wav\n", ("DATASETS.TRAIN", []), "DATASETS.TRAIN is empty"),
        (
            HEADER + "a.wav\n",
            ("DATASETS.TRAIN", ["tut_rare_2017_babycry_devtrain"]),
            r"has the labels \['babycry'\], expected some of DATASETS.LABELS \['burst', 'tone'\]",
        ),
        (HEADER + "a.wav\n", ("SOLVER.OPTIMIZER", "lion"), "SOLVER.OPTIMIZER is 'lion'"),
        (HEADER + "a.wav\n", ("INPUT.SPECTROGRAM.N_MELS", 8), "N_MELS is 8"),
    ],
)
def test_train_net_refuses(table, opts, message, own_data, tiny_data, monkeypatch):
    said = run_tool(monkeypatch, "--config-file", tiny_data.yaml, *own_data(table, *opts))
    assert said.startswith("error: ") and "\n" not in said
    assert re.search(message, said)


TRACEBACK = """

-- Process 1 terminated with the following error:
Traceback (most recent call last):
  File "x.py", line 1, in main
{}: nothing to be done
"""


def test_error_of_another_process(monkeypatch):
    """The launcher hands on the text of a process's traceback: ours is shown, others raised."""

    def launch_and_fail(name):
        def fail(*args, **kwargs):
            raise ProcessRaisedException(TRACEBACK.format(name), 1, 4711)

        monkeypatch.setattr("detectron2.engine.launch", fail)
        return run_tool(monkeypatch, "--num-gpus", 2)

    assert launch_and_fail("audiodet.errors.DataError") == "error: nothing to be done"
    with pytest.raises(ProcessRaisedException):
        launch_and_fail("ZeroDivisionError")


def test_train_net_as_a_program(tmp_path):
    """One line that starts with "error:", no traceback, exit code 1, nothing written."""
    command = [sys.executable, str(ROOT / "tools" / "train_net.py"), "SOLVER.MAX_ITR", "3"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert errors == [
        "error: command line: unknown key SOLVER.MAX_ITR, did you mean SOLVER.MAX_ITER?"
    ]
    assert result.stdout == "" and os.listdir(tmp_path) == []
