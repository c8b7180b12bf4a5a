"""The verifier trains through the same trainer, on segments, watched by its accuracy."""

import json

import pytest
import torch

from audiodet.errors import ConfigError
from audiodet.modeling.trained import load_trained
from tests.tiny import run_tool, tiny_config, tiny_opts, train

SEGMENT = 62  # frames of 16 ms: 1 s
OPTS = [
    "MODEL.META_ARCHITECTURE",
    "FrameVerifier",
    "MODEL.VERIFIER.FRAMES",
    SEGMENT,
    "MODEL.VERIFIER.POOLS",
    "[8,8]",
    "MODEL.VERIFIER.STRIDE",
    31,
    "INPUT.CROP_AUDIO.SECONDS",
    SEGMENT * 256 / 16000,
    "INPUT.CROP_AUDIO.EVENT_FRACTION",
    1.0,
    "INPUT.CROP_AUDIO.VALIDATE",
    True,
    "SOLVER.VAL_PERIOD",
    2,
]


def logged(folder, key) -> list:
    lines = [json.loads(line) for line in (folder / "metrics.json").read_text().splitlines()]
    return [line[key] for line in lines if key in line]


def test_trains_validates_on_crops_and_scores_whole_clips(tiny_data, tmp_path):
    cfg = tiny_config(
        tiny_data,
        tmp_path,
        *OPTS,
        "SOLVER.BEST.METRIC",
        "val/frame_accuracy",
        "SOLVER.BEST.MODE",
        "max",
        test=["test"],
    )
    _, losses = train(cfg)
    assert len(losses.total) == 10
    (accuracy,) = set(map(type, logged(tmp_path, "val/frame_accuracy")))
    assert accuracy is float and all(0 <= x <= 1 for x in logged(tmp_path, "val/frame_accuracy"))
    assert logged(tmp_path, "sed/ER")
    verifier = load_trained(str(tmp_path / "model_best.pth"))
    with torch.no_grad():
        found = verifier([{"image": torch.randn(1, 64, 125), "height": 1, "width": 2.0}])[0]
    assert found["frame_scores"].shape == (125, 2)


def test_stops_when_accuracy_stands_still(tiny_data, tmp_path):
    """A rate of nothing learns nothing: patience runs out at the fourth look."""
    stop = [
        "SOLVER.BASE_LR",
        1e-12,
        "SOLVER.EARLY_STOP.METRIC",
        "val/frame_accuracy",
        "SOLVER.EARLY_STOP.MODE",
        "max",
        "SOLVER.EARLY_STOP.PATIENCE",
        3,
        "SOLVER.EARLY_STOP.MIN_DELTA",
        1.0,
        "SOLVER.MAX_ITER",
        40,
    ]
    _, losses = train(tiny_config(tiny_data, tmp_path, *OPTS, *stop))
    assert len(losses.total) == 8  # looks after 2, 4, 6 and 8 steps


def test_crops_of_another_length_are_refused(tiny_data, tmp_path):
    with pytest.raises(ConfigError, match="94 frames, FrameVerifier trains on 62: set INPUT.CROP"):
        train(tiny_config(tiny_data, tmp_path, *OPTS, "INPUT.CROP_AUDIO.SECONDS", 1.5))


def test_fusion_through_the_tool(tiny_data, tmp_path, monkeypatch):
    """Detector, verifier and their evaluation, each by tools/train_net.py."""
    short = ["SOLVER.MAX_ITER", 2, "SOLVER.VAL_PERIOD", 0]
    for folder, opts in (("detector", []), ("verifier", OPTS)):
        pairs = tiny_opts(tiny_data, tmp_path / folder, *opts, *short)
        assert run_tool(monkeypatch, "--config-file", tiny_data.yaml, *pairs) == ""
    fused = [
        "MODEL.POSTPROCESSORS",
        ["VerifierFusion"],
        "MODEL.FUSION.MIN_SCORE",
        0.0,
        "MODEL.FUSION.VERIFIER",
        tmp_path / "verifier" / "model_final.pth",
        "MODEL.VERIFIER.FRAMES",
        SEGMENT,
        "TEST.TUNE_THRESHOLDS",
        True,
        "MODEL.WEIGHTS",
        tmp_path / "detector" / "model_final.pth",
    ]
    pairs = tiny_opts(tiny_data, tmp_path / "fused", *fused, test=["test"])
    assert run_tool(monkeypatch, "--config-file", tiny_data.yaml, "--eval-only", *pairs) == ""
    stored = tmp_path / "fused" / "inference"
    clips = [
        json.loads(x)
        for x in (stored / f"{tiny_data.name}_test" / "clips.jsonl").read_text().splitlines()
    ]
    assert any(clip["candidates"] for clip in clips)
    for clip in clips:
        for event, alpha, beta in zip(
            clip["candidates"],
            clip["parts"]["segment_scores"],
            clip["parts"]["detector_scores"],
            strict=True,
        ):
            assert event[3] == pytest.approx(0.75 * alpha + 0.25 * beta, abs=1e-6)
    sweep(tmp_path / "fused", tmp_path / "sweep.json", monkeypatch)
    pairs[pairs.index("MODEL.FUSION.VERIFIER") + 1] = str(tmp_path / "nowhere.pth")
    said = run_tool(monkeypatch, "--config-file", tiny_data.yaml, "--eval-only", *pairs)
    assert "nowhere.pth: no such model or file" in said


def sweep(run, output, monkeypatch):
    """tools/sweep_fusion.py runs no network: it needs no weights."""
    import runpy

    monkeypatch.setattr("torch.nn.Module.__call__", None)
    monkeypatch.setattr("sys.argv", ["sweep_fusion.py", str(run), "--output", str(output)])
    runpy.run_path("tools/sweep_fusion.py", run_name="__main__")
    monkeypatch.undo()
    monkeypatch.setattr("detectron2.engine.defaults.collect_env_info", str)
    rows = json.loads(output.read_text())
    sets = list(dict.fromkeys(row["set"] for row in rows))
    assert sets == ["validation", "tiny_engine_test"]
    rows = [row for row in rows if row["set"] != "validation"]
    assert [(row["window"], row["lambda"]) for row in rows] == [
        (window, weight) for window in ("segment", "box") for weight in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    at_zero = {row["window"]: row["ER"] for row in rows if row["lambda"] == 0}
    assert at_zero["segment"] == at_zero["box"]
    (evaluated,) = run.glob("inference/*/metrics.json")
    own = [row["ER"] for row in rows if (row["window"], row["lambda"]) == ("segment", 0.75)]
    assert own == [json.loads(evaluated.read_text())["sed"]["ER"]]  # scored as the run itself was
