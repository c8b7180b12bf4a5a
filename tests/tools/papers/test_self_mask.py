"""The table of the self-mask system on results made by hand; no training."""

import json

import pytest

from audiodet.data.datasets.weak_mini import WEAK_LABELS
from audiodet.engine.setup import load_config
from audiodet.evaluation import ClipResult, save_clips
from papers import self_mask
from papers.runs import Options
from audiodet.events import Event
from tests.conftest import ROOT

# Of 40 clips of 10 s with one event each, five a label, in how many it is found; by seed.
FOUND = {
    "alpha 0.1": [20],
    "alpha 0.01": [22, 26],
    "alpha 0.01 + connect & cut": [36, 38],
    "alpha 0.01 + ensemble": [24, 25],
    "alpha 0.01 + both": [38, 39],
    "no mask": [34, 36],
    "CRNN": [12],
}


def clips(right: int) -> list:
    """Every second label first, so that all labels are found alike."""
    events = [[Event(1.0, 3.0, WEAK_LABELS[i % 8], 0.9)] for i in range(40)]
    return [ClipResult(str(i), 10.0, x, x * (i < right)) for i, x in enumerate(events)]


@pytest.fixture
def options(tmp_path, monkeypatch):
    options = Options(tmp_path, ROOT / "configs")
    for row, runs in self_mask.runs(options).items():
        for run, right in zip(runs, FOUND[row]):
            folder = run.folder / "inference" / "weak_mini_test"
            folder.mkdir(parents=True)
            save_clips(clips(right), folder / "clips.jsonl")
            (folder / "scores.json").write_text(json.dumps({"PSDS1": right / 40, "PSDS2": 0.5}))
            lines = [{"iteration": 0, "time": 60.0}, {"iteration": 1, "time": 60.0}]
            (run.folder / "metrics.json").write_text("\n".join(map(json.dumps, lines)))
            run.mark.write_text(json.dumps(run.signature))
    monkeypatch.setattr(self_mask, "weak_mini_hash", lambda name: "abc")
    return options


def test_six_trainings_and_what_is_scored_of_them(tmp_path):
    options = Options(tmp_path, ROOT / "configs")
    runs = self_mask.all_runs(self_mask.runs(options))
    trainings = [run for run in runs if not run.after]
    assert len(trainings) == 6 and len(runs) == 12 and runs[:6] == trainings
    both = self_mask.runs(options)["alpha 0.01 + both"][1]
    (training,) = both.after
    assert both.weights == str(training.folder / "model_final.pth") and training in trainings
    cfg = load_config(str(both.config), both.opts)
    assert cfg.SEED == 43 and cfg.MODEL.SELF_MASK.ALPHA == 0.01
    assert list(cfg.MODEL.POSTPROCESSORS) == ["ConnectAndCut"]
    assert list(cfg.TEST.ENSEMBLE) == [str(training.folder / "model_top_*.pth")]
    assert cfg.SOLVER.TOP.COUNT == 4 and cfg.SOLVER.TOP.METRIC == "val/total_loss"


def test_the_rows_differ_in_what_they_say(tmp_path):
    def cfg(row):
        run = self_mask.runs(Options(tmp_path, ROOT / "configs"))[row][0]
        return load_config(str(run.config), run.opts)

    assert (
        cfg("alpha 0.1").MODEL.SELF_MASK.ALPHA == 0.1 and cfg("no mask").MODEL.SELF_MASK.MAPS == 0
    )
    for row in self_mask.TRAININGS:  # the same clips and scoring
        one, other = cfg(row), cfg("alpha 0.01")
        assert one.DATASETS == other.DATASETS and one.TEST == other.TEST
        assert one.SOLVER.IMS_PER_BATCH == other.SOLVER.IMS_PER_BATCH
        assert (
            one.SOLVER.MAX_ITER == other.SOLVER.MAX_ITER or row == "CRNN"
        )  # as long, not as often
        assert one.DATALOADER.WEAK_PER_BATCH == other.DATALOADER.WEAK_PER_BATCH
        assert (one.TEST.COLLAR, one.TEST.EVALUATE_OFFSET, one.TEST.OFFSET_FRACTION) == (
            0.2,
            True,
            0.2,
        )


def test_table_1(options, capsys):
    report = self_mask.table1(options)
    said = capsys.readouterr().out
    rows = [line for line in said.splitlines() if line.startswith("| ")][1:]
    assert [row.split("|")[1].strip() for row in rows] == list(self_mask.ROWS)
    plain = report["alpha 0.01"]
    assert plain["F1 of seeds"][0] == pytest.approx(mean_f1(22)) and plain["minutes"] == [2.0, 2.0]
    assert f"{plain['pooled']['F1']:.1f} [" in rows[1] and "0.600" in rows[1]
    assert [row.split("|")[-2].strip() for row in rows] == [
        "",
        "",
        "",
        "",
        "36.09 (full system)",
        "",
        "23.70 (challenge baseline)",
    ]
    sizes = [row.split("|")[7].strip() for row in rows]  # the mask is a convolution of its own
    assert len(set(sizes[:5])) == 1 and len({sizes[0], sizes[5], sizes[6]}) == 3
    assert sizes[0] == f"{plain['parameters']:,}" and plain["parameters"] > 50_000
    assert report["claims"]["mask"][0] < 0 < report["claims"]["connect & cut"][1]
    verdicts = {
        line.split(":")[0]: line.rpartition(", ")[2]
        for line in said.splitlines()
        if ": F1 " in line
    }
    words = {
        "connect & cut": "helps",
        "ensemble": "not shown to help or to hurt",
        "both": "helps",
        "mask": "hurts",
        "alpha 0.01 instead of 0.1": "helps",
        "self-mask ResNet against CRNN": "helps",
    }
    assert verdicts == {claim: f"{word} for these seeds" for claim, word in words.items()}
    assert "test set: abc" in said and "a clip holds several sources" in said
    assert "trainings: 6, seeds 42, 43, 12.0 min of training loops in all" in said


def mean_f1(right: int) -> float:
    """Macro F1 where the first ``right`` of 40 clips are found, five of each label, none wrong."""
    each = [sum(1 for i in range(right) if i % 8 == k) for k in range(8)]
    return sum(200 * n / (5 + n) for n in each) / 8
