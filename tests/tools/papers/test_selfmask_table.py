"""The table of the self-mask system, of weak-mini's events, from results made by hand."""

import pytest

from audiodet.data.datasets.weak_mini import WEAK_LABELS
from audiodet.evaluation import ClipResult
from audiodet.events import Event
from papers.engine import reproduce
from tests.tools.papers.conftest import printed_rows, table_of
from tests.tools.papers.finished import finish

# Of 40 clips of 10 s with one event each, five a label, in how many it is found; by seed.
RIGHT = {
    "alpha 0.1": [20, 24],
    "no mask": [34, 36],
    "alpha 0.01": [28],
    "alpha 0.01, fixed 0.5": [26],
    "alpha 0.01 + connect & cut": [37],
    "alpha 0.01 + ensemble": [29],
    "alpha 0.01 + both": [38],
    "CRNN": [12],
}


def weak_clips(right: int) -> list:
    """Every label in turn, so that all labels are found alike."""
    events = [[Event(1.0, 3.0, WEAK_LABELS[i % 8], 0.9)] for i in range(40)]
    clips = []
    for i, event in enumerate(events):
        clips.append(ClipResult(str(i), 10.0, event, event * (i < right), sources=[f"s{i}"]))
    return clips


def test_six_trainings_and_what_is_scored_of_them(options):
    table = table_of("selfmask-table1", options)
    trained = [run for run in table.runs if not run.weights]
    assert len(trained) == 6 and len(table.runs) == 10
    second = table.trainings["alpha 0.1"][1]
    assert second.cfg.SEED == second.seed == 43 and second.cfg.SOLVER.MAX_ITER == 327
    (both,) = table.trainings["alpha 0.01 + both"]
    (training,) = both.after
    assert both.weights == str(training.folder / "model_final.pth") and training in trained
    assert both.cfg.SEED == 42 and both.cfg.MODEL.SELF_MASK.ALPHA == 0.01
    assert list(both.cfg.MODEL.POSTPROCESSORS) == ["ConnectAndCut"]
    assert list(both.cfg.TEST.ENSEMBLE) == [str(training.folder / "model_top_*.pth")]
    assert both.cfg.SOLVER.TOP.COUNT == 4 and both.cfg.SOLVER.TOP.METRIC == "val/total_loss"


def test_the_rows_differ_in_what_they_say(options):
    trainings = table_of("selfmask-table1", options).trainings
    cfgs = {name: runs[0].cfg for name, runs in trainings.items()}
    assert cfgs["alpha 0.1"].MODEL.SELF_MASK.ALPHA == 0.1
    assert cfgs["no mask"].MODEL.SELF_MASK.MAPS == 0
    other = cfgs["alpha 0.01"]
    for name in ("alpha 0.1", "no mask", "CRNN"):  # the same clips and scoring
        one = cfgs[name]
        assert one.DATASETS == other.DATASETS and one.TEST == other.TEST
        assert one.SOLVER.IMS_PER_BATCH == other.SOLVER.IMS_PER_BATCH or name == "CRNN"
        test = one.TEST
        assert (test.COLLAR, test.EVALUATE_OFFSET, test.OFFSET_FRACTION) == (0.2, True, 0.2)


def mean_f1(right: int) -> float:
    """Macro F1 where the first ``right`` of 40 clips are found, five of each label, none wrong."""
    each = [sum(1 for i in range(right) if i % 8 == k) for k in range(8)]
    return sum(200 * n / (5 + n) for n in each) / 8


def test_the_table_of_the_self_mask_system(options, nothing_rendered, capsys):
    for name, runs in table_of("selfmask-table1", options).trainings.items():
        for run, right in zip(runs, RIGHT[name]):
            scores = {"PSDS1": right / 40, "PSDS2": 0.5, "AP": 50.0}
            finish(run, {"weak_mini_test": weak_clips(right)}, {"scores": scores})
    report = reproduce("selfmask-table1", options)
    said = capsys.readouterr().out
    _, *rows = printed_rows(said)
    assert [cells[0] for cells in rows] == list(RIGHT)
    plain = report["alpha 0.1"]
    assert plain["events"]["F1 of seeds"] == pytest.approx([mean_f1(20), mean_f1(24)])
    assert plain["minutes"] == 2.0
    assert f"{plain['events']['F1']:.1f} [" in rows[0][1] and rows[0][4] == "0.550"
    papers = ["31.65", "", "", "", "32.87", "34.51", "36.09", "23.70 (challenge baseline)"]
    assert [cells[-1] for cells in rows] == papers
    sizes = [cells[7] for cells in rows]  # the mask is a convolution of its own
    assert len({sizes[0], *sizes[2:7]}) == 1 and len({sizes[0], sizes[1], sizes[7]}) == 3
    assert sizes[0] == f"{plain['parameters']:,}" and plain["parameters"] > 50_000
    verdicts = {claim: found["verdict"] for claim, found in report["claims"].items()}
    assert verdicts == {
        "alpha 0.1 - no mask": "contradicted",
        "alpha 0.1 - CRNN": "confirmed",
        "alpha 0.01 - alpha 0.1": "confirmed",
        "alpha 0.01 + connect & cut - alpha 0.01, fixed 0.5": "confirmed",
        "alpha 0.01 + both - alpha 0.01, fixed 0.5": "confirmed",
        "alpha 0.01 + ensemble - alpha 0.01": "not shown",
    }
    assert "of which a clip holds several" in said and "for these seeds" in said
    assert "trainings: 6, seeds 42, 43, 12.0 min of training loops in all" in said
