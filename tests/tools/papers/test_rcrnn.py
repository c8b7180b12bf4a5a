"""The report of rare-mini on results made by hand; no training."""

from dataclasses import replace

import pytest

from papers import rcrnn
from papers.runs import CONDITIONS, Options
from papers.rcrnn import ACROSS, CONTROL
from tests.conftest import ROOT
from tests.tools.papers.finished import finish


@pytest.fixture
def options(tmp_path, monkeypatch):
    """Two folds whose runs are done: R-CRNN ranks wrongly in one clip of two, the control rightly."""
    options = Options(tmp_path, ROOT / "configs", folds=(0, 1))
    for given in (options, replace(options, shipped=True)):
        for fold in options.folds:
            finish(rcrnn._run(given, "R-CRNN", fold))
            finish(rcrnn._run(given, CONTROL, fold), detector=(0.9, 0.1))
    scores = {
        c: rcrnn.pooled_scores(
            [rcrnn._run(options, CONTROL, 0)], c, {0: dict.fromkeys(rcrnn.RARE_LABELS, 0.5)}
        )
        for c in CONDITIONS
    }
    monkeypatch.setattr(rcrnn, "control", lambda options, events: scores)
    monkeypatch.setattr(rcrnn, "rare_mini_hash", lambda name: "a1b2")
    monkeypatch.setattr(rcrnn, "paired_bootstrap", lambda a, b, unit: {"ER": (0.5, 0.4, 0.6)})
    return options


def test_every_row_has_its_thresholds_and_the_trainings_their_minutes(options, capsys):
    report = rcrnn.rare_mini(options)
    for condition in CONDITIONS:
        errors = {k: v["ER"] for k, v in report[condition].items() if " - " not in k}
        assert errors == {
            "R-CRNN": 1.0,
            f"R-CRNN{ACROSS}": 1.0,
            CONTROL: 0.0,
            f"{CONTROL}{ACROSS}": 0.0,
            "spectral flux": 0.0,
        }
    assert report["hard"][f"R-CRNN{ACROSS} - {CONTROL}{ACROSS}"]["ER"] == 0.5
    assert report["minutes"] == {"R-CRNN": [2.0, 2.0], CONTROL: [2.0, 2.0]}
    assert "trainings: 4, seeds 42, 8.0 min" in capsys.readouterr().out


def test_beside_weights_that_ship_stands_a_control_that_was_trained(options, capsys):
    report = rcrnn.rare_mini(replace(options, shipped=True))
    assert report["quiet"][CONTROL]["ER"] == 0.0 and report["minutes"] == {CONTROL: [2.0, 2.0]}
    trained = rcrnn.rare_mini(options)["thresholds"][f"R-CRNN{ACROSS}"]
    assert report["thresholds"][f"R-CRNN{ACROSS}"]["all"] == trained["all"]
    assert "trainings: 2, seeds 42, 4.0 min" in capsys.readouterr().out


def test_beside_weights_that_ship_no_control_is_trained(options, capsys):
    rcrnn._run(options, CONTROL, 1).mark.unlink()
    report = rcrnn.rare_mini(replace(options, shipped=True))
    assert {k for k in report["quiet"] if " - " not in k} == {
        "R-CRNN",
        f"R-CRNN{ACROSS}",
        "spectral flux",
    }
    assert report["minutes"] == {} and "trainings:" not in capsys.readouterr().out
