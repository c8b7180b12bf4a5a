"""The tables of AudioMask on results made by hand; no training."""

from dataclasses import replace
from pathlib import Path

import pytest

from papers import audiomask
from papers.runs import CONDITIONS, Options
from papers.tables import short_run
from tests.conftest import ROOT
from tests.tools.papers.finished import finish


@pytest.fixture
def options(tmp_path):
    """All runs of two folds done: the detector is wrong about the empty clip, the verifier right."""
    options = Options(tmp_path, ROOT / "configs", folds=(0, 1))
    for name in audiomask.DETECTORS:
        for runs in (*audiomask.parts(options, name), audiomask.fused(options, name)):
            for run in runs:
                finish(run)
                for seed in audiomask.OTHER_DRAWS:
                    finish(audiomask._on_draw(run, seed))
    return options


def test_fused_runs_evaluate_their_own_folds_parts(options):
    for name in audiomask.DETECTORS:
        detectors, verifiers = audiomask.parts(options, name)
        for run, detector, verifier in zip(audiomask.fused(options, name), detectors, verifiers):
            assert run.weights == str(detector.folder / "model_final.pth") and run.tune
            assert str(verifier.folder / "model_final.pth") in run.opts
            assert run.fold == detector.fold == verifier.fold
            assert (
                f"['rare_mini_quiet_fold{run.fold}_test', 'rare_mini_hard_fold{run.fold}_test']"
                in run.opts
            )


def test_a_detector_that_ships_is_not_trained(options, capsys):
    shipped = replace(options, shipped=True, detectors=("R-CRNN",))
    detectors, verifiers = audiomask.parts(shipped, "R-CRNN")
    assert detectors == [] and verifiers == audiomask.parts(options, "R-CRNN")[1]
    runs = audiomask.fused(shipped, "R-CRNN")
    names = [f"rcrnn_rare_mini_fold{fold}.safetensors" for fold in shipped.folds]
    assert [Path(run.weights).name for run in runs] == names and all(run.tune for run in runs)
    assert not {r.folder for r in runs} & {r.folder for r in audiomask.fused(options, "R-CRNN")}
    for name in set(audiomask.DETECTORS) - {"R-CRNN"}:
        assert audiomask.fused(shipped, name) == audiomask.fused(options, name)
    for run in runs:
        finish(run)
    report = audiomask.table2(shipped)
    assert report["R-CRNN, box, 0.75, hard"]["ER"] == 0.0
    assert "trainings: 2, seeds 42, 4.0 min" in capsys.readouterr().out  # the verifiers'


def test_table_2_moves_from_the_detector_to_the_verifier(options, capsys):
    report = audiomask.table2(options)
    for name in audiomask.DETECTORS:
        for window in audiomask.WINDOWS:
            errors = [report[f"{name}, {window}, {w}, quiet"]["ER"] for w in audiomask.WEIGHTS]
            assert errors == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert "| R-CRNN        | 200 frames  | 0.75" in capsys.readouterr().out


def test_table_3_scores_the_further_draws(options, capsys):
    report = audiomask.table3(options)
    assert {key.split(", ")[2] for key in report} == {"32", "57"}
    assert all(figures["ER"] == 0.0 for figures in report.values())


def test_table_1_has_what_is_published_below_it(options, capsys, monkeypatch):
    fusions = audiomask.fused(options, "R-CRNN")
    pooled = {c: audiomask._pooled(fusions, c) for c in CONDITIONS}
    monkeypatch.setattr(audiomask, "control", lambda options, events: pooled)
    report = audiomask.table1(options)
    whole = "R-CRNN fused, mean over 200 frames"
    assert report["hard"][f"{whole} - R-CRNN"]["ER"] == -1.0
    said = capsys.readouterr().out
    assert f"hard, paired difference of ER, {whole} - R-CRNN: -1.00 [" in said
    ours, _, published = said.partition("From the papers")
    assert "Table I on rare-mini, hard" in ours and "0.28 / 85.9" not in ours
    rows = {line.split("|")[1].strip(): line for line in published.splitlines() if "|" in line}
    assert "0.80 / 66.8" in rows["official baseline of the challenge"]
    assert "misprint" in rows["baseline as the paper prints it"]
    assert "0.28 / 85.9" in rows["AudioMask R101"] and "0.23 / 87.9" in rows["R-CRNN"]
    assert "0.13? / 93.1?" in rows["1D-CRNN, first of the challenge"]


def test_tables_2_and_3_have_the_papers_figures_below_them(options, capsys):
    audiomask.table2(options)
    said = capsys.readouterr().out
    assert said.index("Table II on rare-mini") < said.index("| 0.75, the best | 73.5")
    assert "| 0              | 62.8" in said
    audiomask.table3(options)
    said = capsys.readouterr().out
    assert "| 92.7" in said and "| 84.7" in said


def test_trainings_behind_a_table_are_counted_once(options, capsys):
    """Two systems of a detector and a verifier in two folds; fused ones are not trained."""
    audiomask.table2(options)
    assert "trainings: 8, seeds 42, 16.0 min of training loops in all" in capsys.readouterr().out


def test_anchors_are_compared_clip_by_clip(tmp_path, capsys):
    options = Options(tmp_path, ROOT / "configs", folds=(0,))
    for config, folder, scores in (
        ("R_18_FPN", "anchors_time", (0.8, 0.1)),
        ("stock_R_18_FPN", "anchors_square", (0.6, 0.7)),
    ):
        finish(short_run(options, f"audiomask/{config}", folder), scores)
    report = audiomask.anchors(options)
    said = capsys.readouterr().out
    assert report["time anchors - square anchors (stock)"]["hard"]["ER"] == -1.0
    assert "hard, paired difference of ER, time anchors - square anchors (stock): -1.00 [" in said
    assert "stock IoU thresholds of matching" in said and "NMS" in said
