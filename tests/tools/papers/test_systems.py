"""The table of all systems on results made by hand; no training."""

import json

import pytest

from audiodet.engine.setup import load_config
from papers import systems
from papers.runs import Options
from tests.conftest import ROOT

TRAINED_ON = {
    "R-CRNN": ("weak_mini_strong",),
    "AudioMask R18": ("weak_mini_strong",),
    "CRNN": ("weak_mini_strong",),
    "self-mask ResNet": ("weak_mini_weak", "weak_mini_strong"),
    "T-F segmentation (GWRP)": ("weak_mini_weak",),
}


def figures(value: float, *names) -> dict:
    """Each figure and an interval of 2 below and 3 above it."""
    return {n + end: value + d for n in names for end, d in (("", 0), ("-low", -2), ("-high", 3))}


@pytest.fixture
def options(tmp_path, monkeypatch):
    options = Options(tmp_path, ROOT / "configs")
    for value, run in enumerate(systems.runs(options).values(), 10):
        folder = run.folder / "inference" / "weak_mini_test"
        folder.mkdir(parents=True)
        sed = {**figures(value, "F1"), "ER": None}
        for file, found in (
            ("metrics", {"sed": sed}),
            ("frames", {"frames": figures(value + 10, "F1", "mAP")}),
            ("tagging", {"tagging": figures(value + 20, "F1", "mAP")}),
        ):
            (folder / f"{file}.json").write_text(json.dumps(found))
        lines = [{"iteration": 0, "time": 60.0}, {"iteration": 1, "time": 60.0}]
        (run.folder / "metrics.json").write_text("\n".join(map(json.dumps, lines)))
        run.mark.write_text(json.dumps(run.signature))
    monkeypatch.setattr(systems, "weak_mini_hash", lambda name: "abc")
    return options


def test_rows_differ_in_system_and_labels_only(tmp_path):
    rows = systems.runs(Options(tmp_path, ROOT / "configs"))
    cfgs = {name: load_config(str(run.config), run.opts) for name, run in rows.items()}
    assert {name: tuple(cfg.DATASETS.TRAIN) for name, cfg in cfgs.items()} == TRAINED_ON
    assert len({run.folder for run in rows.values()}) == 5

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
        assert (
            cfg.SOLVER.VAL_PERIOD in (0, cfg.SOLVER.MAX_ITER)
            and "weak_mini_test" not in cfg.DATASETS.VAL
        )


def test_the_table(options, capsys):
    report = systems.systems(options)
    said = capsys.readouterr().out
    lines = [line.strip("|").split("|") for line in said.splitlines() if line.startswith("| ")]
    header, *rows = [[cell.strip() for cell in line] for line in lines]
    assert header[5:] == ["event F1 %", "event ER", "frame F1 %", "frame mAP %", "tag mAP %"]
    assert [row[0] for row in rows] == list(TRAINED_ON)
    assert [row[1] for row in rows] == ["strong"] * 3 + ["weak + strong", "weak"]
    frames, tags = "20.0 [18.0, 23.0]", "30.0 [28.0, 33.0]"
    assert rows[0][4:] == ["2.0", "10.0 [8.0, 13.0]", "n/a", frames, frames, tags]
    assert report["R-CRNN"]["parameters"] > 1_000_000
    assert f"{report['CRNN']['parameters']:,}" == rows[2][2]
    assert "trainings: 5, seeds 42, 10.0 min of training loops in all" in said
    assert "a clip holds several sources" in said and "test set: abc" in said
    assert "R-CRNN 0.5 and 0.5" in said and "T-F segmentation (GWRP) 0.2 and 0.1" in said
