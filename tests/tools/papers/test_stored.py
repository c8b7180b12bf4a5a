"""Tables of the evaluators' own figures, from results made by hand."""

from dataclasses import replace

import pytest

from audiodet.evaluation import ClipResult
from audiodet.events import Event
from papers.engine import reproduce
from papers.stored import over_folds
from tests.tools.papers.conftest import printed_rows, table_of
from tests.tools.papers.finished import finish

F1 = {"GMP": 10.0, "GAP": 20.0, "GWRP": 30.0}
BY_SOURCE = "of which a clip holds several"


def figures(value: float, *names, low=3, high=4) -> dict:
    """Figures of one fold: a value and an interval of 3 below and 4 above it."""
    found = {}
    for name in names or ("F1", "AUC", "mAP"):
        found[name] = value
        for unit in ("", "-source"):
            found[f"{name}{unit}-low"] = value - low
            found[f"{name}{unit}-high"] = value + high
    return found


def remix_clips(name: str, right: int) -> list:
    """Ten clips with an event of 2 s; in ``right`` of them it is found."""
    event = [Event(0.5, 2.5, "babycry", 0.9)]
    return [ClipResult(f"{name}_{i:04d}.wav", 10.0, event, event * (i < right)) for i in range(10)]


def write(run, name, ratio):
    """What a training leaves; GWRP falls by 5 from level to level."""
    value = F1.get(name, 5.0) - (20 - ratio) / 2
    rates = {
        "ER": 1.5,
        "ER-source-low": 1.25,
        "ER-source-high": 1.75,
        "deletions": 0.5,
        "insertions": 1.0,
    }
    files = {
        "tagging": {"tagging": figures(value)},
        "frames": {"frames": figures(value)},
        "masks": {"masks": figures(value), "masks_ratio": figures(value / 2)},
        "metrics": {"sed": {**figures(value), **rates}},
    }
    right = {"GMP": 1, "GAP": 2, "GWRP": 7 - (20 - ratio) // 10}.get(name, 0)
    (dataset,) = run.cfg.DATASETS.TEST
    finish(run, {dataset: remix_clips(dataset, right)}, files)


@pytest.fixture
def remix(options, nothing_rendered):
    options = replace(options, folds=(2,))
    for name, (run,) in table_of("tfseg-table5", options).trainings.items():
        system, ratio = name.removesuffix(" dB").rsplit(", ", 1)
        write(run, system, int(ratio))
    return options


def test_every_run_has_its_own_data(remix):
    trainings = table_of("tfseg-table5", remix).trainings
    assert len(trainings) == 6 and len({runs[0].folder for runs in trainings.values()}) == 6
    (run,) = trainings["GAP, 10 dB"]
    assert run.fold == 2 and run.config.name == "remix_mini_gap.yaml"
    assert run.opts["DATASETS.TRAIN"] == ["remix_mini_10db_fold2_fit"]
    assert run.opts["DATASETS.TEST"] == ["remix_mini_10db_fold2_test"]


def row(said: str, label: str) -> list[str]:
    (found,) = [cells for cells in printed_rows(said) if cells[0] == label]
    return found[1:]


def test_table_2(remix, capsys):
    report = reproduce("tfseg-table2", remix)
    said = capsys.readouterr().out
    assert report["GWRP, 20 dB"]["tagging"]["F1"] == 30
    expected = ["25.0 [22.0, 29.0]", "n/a", *["25.0 [22.0, 29.0]"] * 2]  # these have no best F1
    assert row(said, "GWRP, 10 dB") == [*expected, "2.0"]
    assert row(said, "DNN") == ["43.9 / 88.5 / 46.8", "39.6 / 86.1 / 40.2", "33.1 / 81.0 / 31.4"]
    assert BY_SOURCE in said and "on remix-mini, fold 2 (one seed)" in said
    assert "trainings: 6, seeds 42, 12.0 min of training loops in all" in said
    assert "remix_mini_10db_fold2_test <remix_mini_10db_fold2_test>" in said


def test_table_5_says_whether_the_claims_hold(remix, capsys):
    """Intervals reach from 3 below to 4 above: 10 apart is shown, 5 is not."""
    claims = reproduce("tfseg-table5", remix)["claims"]
    said = capsys.readouterr().out
    assert len(claims) == 7 and "do not overlap" in said
    assert "GWRP, 20 dB - GAP, 20 dB: F1 +10.0 [+3.0, +17.0]: confirmed in F1" in said
    assert claims["GAP, 10 dB - GMP, 10 dB"] == {"F1": (10.0, 3.0, 17.0), "verdict": "confirmed"}
    assert claims["GWRP, 20 dB - GWRP, 10 dB"]["verdict"] == "not shown"


def frames(options, name, found):
    (run,) = table_of("tfseg-table5", options).trainings[name]
    finish(run, figures={"frames": {"frames": found}})


def test_a_claim_that_does_not_hold(remix):
    frames(remix, "GAP, 10 dB", figures(40.0))
    claims = reproduce("tfseg-table5", remix)["claims"]
    assert claims["GWRP, 10 dB - GAP, 10 dB"]["verdict"] == "contradicted"
    assert claims["GAP, 10 dB - GMP, 10 dB"]["verdict"] == "confirmed"


def test_figures_that_nobody_has_show_nothing(remix, capsys):
    frames(remix, "GAP, 10 dB", dict.fromkeys(figures(1.0)))
    frames(remix, "GAP, 20 dB", {"F1": 0.0, "AUC": 50.0, "mAP": 1.0})
    claims = reproduce("tfseg-table5", remix)["claims"]
    said = capsys.readouterr().out
    assert row(said, "GAP, 10 dB")[:4] == ["n/a"] * 4
    assert row(said, "GAP, 20 dB")[:3] == ["0.0", "n/a", "50.0"]
    for ratio in (20, 10):
        assert claims[f"GWRP, {ratio} dB - GAP, {ratio} dB"]["verdict"] == "not shown"


def test_table_6_pairs_the_clips(remix, capsys):
    claims = reproduce("tfseg-table6", remix)["claims"]
    said = capsys.readouterr().out
    cells = ["25.0 [22.0, 29.0]", "1.50 [1.25, 1.75]", "0.50", "1.00", "2.0"]
    assert row(said, "GWRP, 10 dB") == cells
    assert row(said, "GWRP")[-1] == "16.7 / 2.55 (0.76, 1.78)"
    claim = claims["GWRP, 10 dB - GMP, 10 dB"]
    difference, low, high = claim["F1"]
    assert difference == pytest.approx(200 * 6 / 16 - 200 * 1 / 11) and low < difference < high
    assert claim["verdict"] == "confirmed" and "GWRP, 10 dB - GMP, 10 dB: F1 +" in said
    assert claims["GAP, 20 dB - GMP, 20 dB"]["verdict"] == "not shown"  # two clips against one
    # Seven of ten clips found at 20 dB, of them six at 10: no resample turns that over.
    difference, low, high = claims["GWRP, 20 dB - GWRP, 10 dB"]["F1"]
    assert difference == pytest.approx(200 * 7 / 17 - 200 * 6 / 16) and low >= 0


def test_table_9_has_both_truths(remix, capsys):
    report = reproduce("tfseg-table9", remix)
    said = capsys.readouterr().out
    assert (
        report["GWRP, 10 dB"]["binary"]["F1"] == 25 and report["GWRP, 10 dB"]["ratio"]["F1"] == 12.5
    )
    assert "attention, 10 dB" not in said
    assert row(said, "GWRP") == ["32.4 / 84.9 / 26.8", "28.0 / 84.5 / 22.7", "21.8 / 83.6 / 17.5"]


def test_a_row_is_of_one_of_its_trainings_test_sets(options, nothing_rendered):
    """Three trainings, each scored at three levels: found in seven, six and five of ten clips."""
    for name, (run,) in table_of("tfseg-paper", options).trainings.items():
        for fall, dataset in enumerate(run.cfg.DATASETS.TEST):
            right = {"GMP": 1, "GAP": 3, "GWRP": 7}[name] - (fall if name == "GWRP" else 0)
            found = {"sed": figures(10.0 * right, "F1", "ER", "deletions", "insertions")}
            tasks = {"tagging": "tagging", "frames": "frames", "masks": "masks"}
            files = {file: {task: figures(1.0)} for file, task in tasks.items()}
            one = replace(run, opts={**run.opts, "DATASETS.TEST": [dataset]})
            finish(one, {dataset: remix_clips(dataset, right)}, {**files, "metrics": found})
        finish(run)
    report = reproduce("tfseg-paper", options)
    f1 = [report[f"GWRP, {ratio} dB"]["events"]["F1"] for ratio in (20, 10, 0)]
    assert f1 == [70.0, 60.0, 50.0] and report["GAP, 0 dB"]["events"]["F1"] == 30.0
    difference = report["claims"]["GWRP, 0 dB - GMP, 0 dB, events"]["F1"][0]
    assert difference == pytest.approx(200 * 5 / 15 - 200 * 1 / 11)
    assert len(report["claims"]) == 11 and len(report["test sets"]) == 3


def test_folds_are_averaged():
    """Two folds: the mean, and distances to the bounds as of independent folds."""
    found = over_folds([figures(10.0), figures(30.0)])
    assert found["F1"] == 20
    assert found["F1-low"] == pytest.approx(20 - 18**0.5 / 2)
    assert found["F1-high"] == pytest.approx(20 + 32**0.5 / 2)


def test_folds_without_a_figure_are_left_out():
    found = over_folds([figures(10.0), {**figures(30.0), "F1": None}])
    assert (found["F1"], found["F1-low"], found["F1-high"]) == (10, 7, 14) and found["AUC"] == 20


TRAINED_ON = {
    "R-CRNN": ("weak_mini_strong",),
    "AudioMask R18": ("weak_mini_strong",),
    "CRNN": ("weak_mini_strong",),
    "self-mask ResNet": ("weak_mini_weak", "weak_mini_strong"),
    "T-F segmentation (GWRP)": ("weak_mini_weak",),
}


def test_systems_differ_in_architecture_and_labels_only(options):
    trainings = table_of("systems", options).trainings
    cfgs = {name: run.cfg for name, (run,) in trainings.items()}
    assert {name: tuple(cfg.DATASETS.TRAIN) for name, cfg in cfgs.items()} == TRAINED_ON

    def same(cfg):
        test = cfg.TEST
        return (
            cfg.SEED,
            *cfg.DATASETS.LABELS,
            *cfg.DATASETS.TEST,
            *test.EVALUATORS,
            test.COLLAR,
            test.EVALUATE_OFFSET,
            test.OFFSET_FRACTION,
            test.ZERO_WITHOUT_REFERENCE,
            test.FRAME_SECONDS,
            test.BEST_EVENT_PER_CLIP,
            test.TUNE_THRESHOLDS,
        )

    assert len({same(cfg) for cfg in cfgs.values()}) == 1
    for cfg in cfgs.values():
        assert cfg.SOLVER.VAL_PERIOD in (0, cfg.SOLVER.MAX_ITER)
        assert "weak_mini_test" not in cfg.DATASETS.VAL


def test_the_table_of_systems(options, nothing_rendered, capsys):
    for value, (run,) in enumerate(table_of("systems", options).trainings.values(), 10):
        files = {
            "metrics": {"sed": {**figures(value, "F1"), "ER": None}},
            "frames": {"frames": figures(value + 10, "F1", "mAP")},
            "tagging": {"tagging": figures(value + 20, "F1", "mAP")},
        }
        finish(run, figures=files)
    report = reproduce("systems", options)
    said = capsys.readouterr().out
    header, *rows = printed_rows(said)
    assert header[6:] == [
        "event F1 %",
        "event ER",
        "frame F1 %",
        "best frame F1 %",
        "frame mAP %",
        "tag mAP %",
    ]
    assert [cells[0] for cells in rows] == list(TRAINED_ON)
    assert [cells[1] for cells in rows] == ["strong"] * 3 + ["weak + strong", "weak"]
    events, frame, tags = (f"{x}.0 [{x - 3}.0, {x + 4}.0]" for x in (10, 20, 30))
    assert rows[0][4:] == ["2.0", "0.5, 0.5", events, "n/a", frame, "n/a", frame, tags]
    assert rows[4][5] == "0.2, 0.1"
    assert report["R-CRNN"]["parameters"] > 1_000_000 and report["CRNN"]["iterations"] == 720
    assert f"{report['CRNN']['parameters']:,}" == rows[2][2]
    assert "trainings: 5, seeds 42, 10.0 min of training loops in all" in said
    assert BY_SOURCE in said and "weak_mini_test <weak_mini_test>" in said
