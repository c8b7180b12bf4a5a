"""What a training starts from, what it changes, and what its evaluation writes."""

import json
import re

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from audiodet.data.mapper import SEDMapper
from audiodet.data.loader import load_dataset_dicts
from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.errors import ConfigError, WeightsError
from tests.tiny import run_tool, tiny_config, tiny_opts, train
from train_net import evaluate_only

NORMALIZER = "clip_input.normalizer."


def tensors(folder, name="model_final.pth") -> dict:
    return torch.load(folder / name, weights_only=True)["model"]


@pytest.fixture(scope="module")
def pretrained(tiny_data, tmp_path_factory):
    """A clip tagger after two steps, whose normalisation constants are marked by hand."""
    folder = tmp_path_factory.mktemp("pretrained")
    cfg = tiny_config(
        tiny_data, folder, "MODEL.META_ARCHITECTURE", "SequenceTagger", "SOLVER.MAX_ITER", 2
    )
    trainer, _ = train(cfg)
    trainer.model.clip_input.normalizer.mean.fill_(-7.5)
    SEDCheckpointer(trainer.model, str(folder), cfg=cfg).save("model_final")
    return folder


def init_opts(folder, *opts):
    path = folder / "model_final.pth"
    return ("SOLVER.MAX_ITER", 3, "MODEL.BACKBONE.INIT_WEIGHTS", path, *opts)


def test_backbone_and_normaliser_start_from_pretraining(tiny_data, pretrained, tmp_path):
    before = tensors(pretrained)
    trainer = Trainer(tiny_config(tiny_data, tmp_path, *init_opts(pretrained)))
    fresh = {name: x.clone() for name, x in trainer.model.state_dict().items()}
    trainer.resume_or_load(resume=False)
    for name, x in trainer.model.state_dict().items():
        mine = name.startswith(("backbone.", "clip_input."))
        assert torch.equal(x, before[name] if mine else fresh[name]), name
    assert not torch.equal(before["backbone.cnn.stem.weight"], fresh["backbone.cnn.stem.weight"])
    assert (trainer.model.clip_input.normalizer.mean == -7.5).all()


def test_frozen_backbone_stays_to_the_byte(tiny_data, pretrained, tmp_path):
    cfg = tiny_config(tiny_data, tmp_path, *init_opts(pretrained, "MODEL.BACKBONE.FREEZE", True))
    trainer, _ = train(cfg)
    before, after = tensors(pretrained), tensors(tmp_path)
    frozen = [name for name in after if name.startswith("backbone.")]
    assert sum("running_var" in name for name in frozen) == 9
    for name in frozen:
        assert torch.equal(after[name], before[name]), name
    trained = sum(len(group["params"]) for group in trainer.optimizer.param_groups)
    names = [name for name, _ in trainer.model.named_parameters()]
    assert trained == sum("backbone" not in name for name in names) > 0
    assert torch.isfinite(after["roi_heads.box_predictor.cls_score.weight"]).all()


def test_free_backbone_learns(tiny_data, pretrained, tmp_path):
    train(tiny_config(tiny_data, tmp_path, *init_opts(pretrained)))
    before, after = tensors(pretrained), tensors(tmp_path)
    for name in ("backbone.cnn.stem.weight", "backbone.cnn.norm.running_mean"):
        assert not torch.equal(after[name], before[name])


@pytest.mark.parametrize(
    "opts, message",
    [
        (("MODEL.CRNN.UNITS", 5), "backbone does not fit.* of another shape, first backbone.rnn"),
        (("MODEL.CRNN.RNN", "none", "INPUT.SPECTROGRAM.N_MELS", 40), "N_MELS 64, expected 40"),
        (("INPUT.SPECTROGRAM.HOP", 160), "INPUT.SPECTROGRAM.HOP 256, expected 160"),
        (("INPUT.AUDIO.SAMPLE_RATE", 8000), "SAMPLE_RATE 16000, expected 8000"),
        (("MODEL.BACKBONE.INIT_WEIGHTS", "nowhere.pth"), "nowhere.pth: no such file"),
    ],
)
def test_wrong_pretraining_is_refused(opts, message, tiny_data, pretrained, tmp_path):
    cfg = tiny_config(tiny_data, tmp_path, *init_opts(pretrained, *opts))
    with pytest.raises(WeightsError, match=message):
        Trainer(cfg).resume_or_load(resume=False)


def test_normaliser_is_fitted_on_whole_training_clips(tiny_data, straight, tmp_path):
    cfg = tiny_config(tiny_data, tmp_path)
    clips = load_dataset_dicts(cfg.DATASETS.TRAIN, cfg.DATASETS.LABELS)
    images = [SEDMapper(cfg, is_train=False)(clip)["image"].numpy() for clip in clips]
    frames = np.concatenate(images, axis=-1).astype(np.float64)
    assert frames.shape == (1, 64, 6 * 126)
    mean, std = (straight.final["model"][NORMALIZER + name] for name in ("mean", "std"))
    np.testing.assert_allclose(mean, frames.mean(-1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(std, frames.std(-1, keepdims=True), rtol=1e-4)


def test_normaliser_on_some_of_the_clips(tiny_data, tmp_path):
    """Two of six clips: the first and the fourth."""
    cfg = tiny_config(tiny_data, tmp_path, "INPUT.SPECTROGRAM.NORMALIZE_CLIPS", 2)
    trainer = Trainer(cfg)
    trainer.resume_or_load(resume=False)
    mapper = SEDMapper(cfg, is_train=False)
    clips = load_dataset_dicts(cfg.DATASETS.TRAIN, cfg.DATASETS.LABELS)
    frames = torch.cat([mapper(clips[i])["image"] for i in (0, 3)], dim=-1)
    expected = frames.mean(-1, keepdim=True)
    torch.testing.assert_close(trainer.model.clip_input.normalizer.mean, expected)


def test_weights_start_a_new_training(tiny_data, straight, tmp_path):
    weights = straight.folder / "model_final.pth"
    cfg = tiny_config(tiny_data, tmp_path, "MODEL.WEIGHTS", weights)
    trainer = Trainer(cfg)
    trainer.resume_or_load(resume=False)
    assert trainer.start_iter == 0 and not trainer.optimizer.state
    for name, x in trainer.model.state_dict().items():
        assert torch.equal(x, straight.final["model"][name]), name


@pytest.mark.parametrize("name, kind", [("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)])
def test_optimizer(name, kind, tiny_data, tmp_path):
    """One step by hand on one weight: Adam's first step is the rate, SGD's rate x gradient."""
    cfg = tiny_config(tiny_data, tmp_path, "SOLVER.OPTIMIZER", name, "SOLVER.BASE_LR", 0.25)
    model = Trainer.build_model(cfg)
    optimizer = Trainer.build_optimizer(cfg, model)
    assert isinstance(optimizer, kind)
    owned = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(owned) == sorted(id(p) for p in model.parameters())
    bias = model.backbone.cnn.stem.bias
    before = bias.detach().clone()
    bias.grad = torch.full_like(bias, -3.0)
    optimizer.step()
    moved = {"adam": 0.25, "sgd": 0.75}[name]
    torch.testing.assert_close(bias.detach(), before + moved, rtol=0, atol=1e-5)


def test_gradients_are_clipped(tiny_data, tmp_path):
    """SGD with the gradient's norm cut to 1: 64 equal components move by rate / 8 each."""
    clip = ("SOLVER.CLIP_GRADIENTS.ENABLED", True, "SOLVER.CLIP_GRADIENTS.CLIP_TYPE", "norm")
    cfg = tiny_config(tiny_data, tmp_path, "SOLVER.OPTIMIZER", "sgd", "SOLVER.BASE_LR", 0.25, *clip)
    model = Trainer.build_model(cfg)
    optimizer = Trainer.build_optimizer(cfg, model)
    bias = model.backbone.cnn.stem.bias
    before = bias.detach().clone()
    bias.grad = torch.full_like(bias, -3.0)
    optimizer.step()
    torch.testing.assert_close(bias.detach(), before + 0.25 / 8, rtol=0, atol=1e-4)


def test_unknown_optimizer(tiny_data, tmp_path):
    cfg = tiny_config(tiny_data, tmp_path, "SOLVER.OPTIMIZER", "adamw2")
    with pytest.raises(ConfigError, match="SOLVER.OPTIMIZER is 'adamw2', expected 'adam' or 'sgd'"):
        Trainer(cfg)


def test_evaluation_at_the_end_and_alone(tiny_data, straight, tmp_path):
    """The end of a training and --eval-only score alike, with thresholds tuned on DATASETS.VAL."""
    opts = ("SOLVER.MAX_ITER", 1, "TEST.TUNE_THRESHOLDS", True)
    opts += ("MODEL.WEIGHTS", straight.folder / "model_final.pth")
    cfg = tiny_config(tiny_data, tmp_path, *opts, test=["test", "train"])
    trainer, _ = train(cfg)
    thresholds = json.loads((tmp_path / "thresholds.json").read_text())
    assert set(thresholds) == {"burst", "tone"}
    for split, clips in (("test", 3), ("train", 6)):
        folder = tmp_path / "inference" / f"{tiny_data.name}_{split}"
        summary = json.loads((folder / "metrics.json").read_text())
        assert summary["clips"] == clips and summary["thresholds"] == thresholds
    alone = tmp_path / "alone"
    weights = ("MODEL.WEIGHTS", tmp_path / "model_final.pth")
    found = evaluate_only(tiny_config(tiny_data, alone, *opts, *weights, test=["test", "train"]))
    assert found == trainer._last_eval_results
    names = ("metrics.json", "events.tsv", "truth.tsv", "clips.jsonl")
    for name in (f"inference/{tiny_data.name}_test/{name}" for name in names):
        assert (alone / name).read_text() == (tmp_path / name).read_text(), name


def test_validation_sets_are_scored_while_test_sets_wait_for_the_end(
    tiny_data, tmp_path, monkeypatch
):
    scored = []

    def test(cfg, model):
        scored.append((cfg.DATASETS.TEST, cfg.TEST.TUNE_THRESHOLDS))
        return {"sed": {"F1": 1.0}}

    monkeypatch.setattr(Trainer, "test", staticmethod(test))
    opts = ("SOLVER.MAX_ITER", 5, "TEST.EVAL_PERIOD", 2, "TEST.TUNE_THRESHOLDS", True)
    opts += ("SOLVER.BEST.METRIC", "sed/F1", "SOLVER.BEST.MODE", "max")
    cfg = tiny_config(tiny_data, tmp_path, *opts, test=["test"])
    train(cfg)
    during = (cfg.DATASETS.VAL, False)
    assert scored == [during, during, (cfg.DATASETS.TEST, True)]
    best = torch.load(tmp_path / "model_best.pth", weights_only=True)
    assert best["iteration"] == 1  # of equal scores the first


def test_evaluating_nothing(tiny_data, tmp_path):
    with pytest.raises(ConfigError, match="MODEL.WEIGHTS is empty"):
        evaluate_only(tiny_config(tiny_data, tmp_path, test=["test"]))


def test_two_starts_are_refused_for_training_only():
    both = {"MODEL.WEIGHTS": "a.pth", "MODEL.BACKBONE.INIT_WEIGHTS": "b.pth"}
    cfg = load_config("configs/rcrnn/babycry.yaml", [x for pair in both.items() for x in pair])
    assert cfg.MODEL.WEIGHTS == "a.pth"  # as --eval-only has it
    with pytest.raises(ConfigError, match="a.pth .*b.pth"):
        Trainer(cfg)


def test_progress_is_logged_and_drawn(tiny_data, tmp_path, monkeypatch):
    """A line with the time that is left every 20 iterations, and curves for TensorBoard."""
    opts = tiny_opts(tiny_data, tmp_path, "SOLVER.MAX_ITER", 22)
    assert run_tool(monkeypatch, "--config-file", tiny_data.yaml, *opts) == ""
    lines = (tmp_path / "log.txt").read_text().splitlines()
    (line,) = [line for line in lines if "  iter: 19 " in line]
    assert re.search(r"eta: 0:00:\d\d  iter: 19  total_loss: \d", line) and "  lr: " in line
    curves = EventAccumulator(str(tmp_path)).Reload()
    assert [event.step for event in curves.Scalars("total_loss")] == [19, 21]
    rates = {event.step: event.value for event in curves.Scalars("lr")}
    logged = [json.loads(line) for line in (tmp_path / "metrics.json").read_text().splitlines()]
    assert rates == {line["iteration"]: pytest.approx(line["lr"]) for line in logged}
