"""Figures of masks and of frame scores, from a model that is not trained."""

import matplotlib.image
import numpy as np
import pytest
import torch
from detectron2.data import DatasetCatalog

from papers.analysis.figures import draw_frame_scores, draw_masks
from papers.analysis.masks import clip_outputs, mask_rows
from audiodet.data.mixing.mask_truth import binary_mask, mixture_mels
from audiodet.data.spectrogram import LogMel
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.errors import ConfigError
from audiodet.events import Event
from tests.tiny import run_tool

CONFIG = "configs/tfseg/remix_mini.yaml"
OPTS = ["MODEL.DEVICE", "cpu", "MODEL.TFSEG.MAPS", "[2]"]


@pytest.fixture(scope="module")
def model():
    cfg = load_config(CONFIG, OPTS)
    return "GWRP", cfg, Trainer.build_model(cfg).eval()


def test_rows_are_the_true_classes(model, soundbank, monkeypatch):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", soundbank)
    record, outputs = clip_outputs([model], 3)
    rows = mask_rows(model[1], record, outputs)
    labels = [model[1].DATASETS.LABELS[a["category_id"]] for a in record["annotations"]]
    assert sorted(rows) == sorted(set(labels))
    shown = rows[labels[0]]
    assert list(shown) == ["binary mask", "ratio mask", "GWRP"]
    log_mel = LogMel.from_config(model[1])
    binary = binary_mask(mixture_mels(record, log_mel))
    onset = int(record["annotations"][0]["bbox"][0] / log_mel.seconds_per_frame)
    assert np.array_equal(shown["binary mask"][:, onset], binary[:, onset])
    assert shown["binary mask"].shape == (64, 155) and shown["binary mask"].any()
    assert not shown["binary mask"][:, -5:].any()
    k = model[1].DATASETS.LABELS.index(labels[0])
    assert np.array_equal(shown["GWRP"], outputs["GWRP"]["masks"][k])
    with pytest.raises(ConfigError, match="clip 900 of 200, expected 0 to 199"):
        clip_outputs([model], 900)
    with pytest.raises(ConfigError, match="CNN has no masks"):
        mask_rows(model[1], record, {"CNN": {"frame_scores": torch.zeros(3, 8)}})


def test_figures_show_what_they_are_given():
    rows = {
        "dog": {"true": np.eye(8), "GMP": np.zeros((8, 8))},
        "cat": {"true": np.ones((8, 8)), "GMP": np.eye(8)},
    }
    figure = draw_masks(rows, 0.5, "clip")
    images = [ax.images[0] for ax in figure.axes]
    masks = [mask for row in rows.values() for mask in row.values()]
    assert len(images) == 4 and all(np.array_equal(i.get_array(), m) for i, m in zip(images, masks))
    assert images[0].get_extent() == [0, 4.0, -0.5, 7.5]
    curve = (np.arange(3.0), np.array([0.1, 0.9, 0.2]))
    figure = draw_frame_scores(
        {"GMP": {"dog": curve}, "GAP": {"dog": curve}}, [Event(0.5, 1.5, "dog")], 3.0
    )
    assert [ax.get_ylabel() for ax in figure.axes] == ["GMP", "GAP"]
    for ax in figure.axes:
        assert np.array_equal(ax.lines[0].get_ydata(), curve[1])
        assert ax.patches[0].get_x() == 0.5 and ax.patches[0].get_width() == 1.0


@pytest.mark.parametrize("command", ["masks", "frame-scores"])
def test_the_tool_draws(command, model, soundbank, tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", soundbank)
    weights, out = tmp_path / "model.pth", tmp_path / "figure.png"
    torch.save({"model": model[2].state_dict()}, weights)
    opts = ["--model", f"GWRP={CONFIG}:{weights}", "--out", out, "--opts", *OPTS]
    assert run_tool(monkeypatch, command, *opts, tool="analyze") == ""
    assert DatasetCatalog.get("remix_mini_0db_fold0_test")
    assert matplotlib.image.imread(out).shape[0] > 200
