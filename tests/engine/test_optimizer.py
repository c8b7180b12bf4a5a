"""Gradients are clipped as the configuration says, by any optimizer."""

import pytest
import torch
from torch import nn

from audiodet.config import get_cfg
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.engine.optimizer import build_optimizer
from audiodet.errors import ConfigError


def config(**solver):
    cfg = get_cfg()
    cfg.SOLVER.merge_from_list([x for pair in solver.items() for x in pair])
    return cfg


def step(cfg):
    """Change of two parameters with gradients (3, 4) and 12 by a step of rate 1."""
    model = nn.ParameterList([torch.zeros(2), torch.zeros(1)])
    optimizer = build_optimizer(cfg, model)
    model[0].grad, model[1].grad = torch.tensor([3.0, 4.0]), torch.tensor([12.0])
    optimizer.step()
    return [-x for p in model for x in p.tolist()]


PLAIN = {"OPTIMIZER": "sgd", "BASE_LR": 1.0, "MOMENTUM": 0.0, "WEIGHT_DECAY": 0.0}


@pytest.mark.parametrize(
    "kind, value, change",
    [
        ("full_model", 6.5, [1.5, 2.0, 6.0]),
        ("full_model", 20.0, [3.0, 4.0, 12.0]),
        ("norm", 2.5, [1.5, 2.0, 2.5]),
        ("value", 3.5, [3.0, 3.5, 3.5]),
    ],
)
def test_clipping_by_hand(kind, value, change):
    cfg = config(**PLAIN)
    cfg.SOLVER.CLIP_GRADIENTS.merge_from_list(
        ["ENABLED", True, "CLIP_TYPE", kind, "CLIP_VALUE", value]
    )
    assert step(cfg) == pytest.approx(change, rel=1e-4)
    cfg.SOLVER.CLIP_GRADIENTS.ENABLED = False
    assert step(cfg) == [3.0, 4.0, 12.0]


def test_adam_clips_the_whole_gradient_too():
    """Adam's first step forgets the scale, its second moment does not."""
    cfg = config(OPTIMIZER="adam", BASE_LR=1.0)
    cfg.SOLVER.CLIP_GRADIENTS.merge_from_list(
        ["ENABLED", True, "CLIP_TYPE", "full_model", "CLIP_VALUE", 6.5]
    )
    model = nn.ParameterList([torch.zeros(2), torch.zeros(1)])
    optimizer = build_optimizer(cfg, model)
    model[0].grad, model[1].grad = torch.tensor([3.0, 4.0]), torch.tensor([12.0])
    optimizer.step()
    assert optimizer.state[model[1]]["exp_avg_sq"].item() == pytest.approx(0.001 * 6.0**2, rel=1e-4)


@pytest.mark.parametrize(
    "key, value, words",
    [
        ("OPTIMIZER", "lamb", "SOLVER.OPTIMIZER is 'lamb'"),
        ("CLIP_GRADIENTS.CLIP_TYPE", "all", "CLIP_TYPE is 'all'"),
    ],
)
def test_unknown_names(key, value, words):
    with pytest.raises(ConfigError, match=words):
        build_optimizer(config(**{key: value}), nn.Linear(1, 1))


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize(
    "name, learned_from", [("mn04_rcrnn", 13), ("mn04_audiomask", 13), ("yamnet_rcrnn", 13)]
)
def test_a_pretrained_trunk_learns_from_a_layer_on_at_a_rate_of_its_own(
    name, learned_from, optimizer
):
    """Lower layers and statistics of batch norm stay; Adam's first step is as long as its rate."""
    keys = ["MODEL.PRETRAINED.LEARNED_FROM", learned_from, "MODEL.PRETRAINED.RATE_FACTOR", 0.25]
    opts = ["MODEL.DEVICE", "cpu", "SOLVER.OPTIMIZER", optimizer, "SOLVER.WEIGHT_DECAY", 0.0, *keys]
    cfg = load_config(f"configs/pretrained/{name}.yaml", [str(x) for x in opts])
    torch.manual_seed(0)
    model = Trainer.build_model(cfg).train()
    built = Trainer.build_optimizer(cfg, model)
    rates = {p: group["lr"] for group in built.param_groups for p in group["params"]}
    before = {key: x.clone() for key, x in model.state_dict().items()}
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter) if parameter.requires_grad else None
    images = torch.randn(2, 1, cfg.INPUT.SPECTROGRAM.N_MELS, 96)
    model.backbone(images)  # a pass in training mode, which would move statistics
    built.step()
    steps = {}
    for key, parameter in model.named_parameters():
        moved = (parameter - before[key]).abs().max().item()
        _, _, inside = key.partition(".trunk.features.")
        number = int(inside.partition(".")[0]) + (name == "yamnet_rcrnn") if inside else None
        frozen = ".trunk.classifier" in key or (inside and number < learned_from)
        assert (moved == 0) == bool(frozen) == (parameter not in rates), key
        if not frozen:
            share = 0.25 if ".trunk." in key else 1.0
            assert rates[parameter] == pytest.approx(cfg.SOLVER.BASE_LR * share), key
            steps.setdefault(share, []).append(moved)
    assert set(steps) == {0.25, 1.0}
    if optimizer == "adam":
        for share, moved in steps.items():
            assert max(moved) == pytest.approx(cfg.SOLVER.BASE_LR * share, rel=0.02)
    for key, x in model.state_dict().items():
        if ".trunk." in key and "running" in key:
            assert torch.equal(x, before[key]), key


def test_parts_of_a_batch_make_the_step_of_the_whole():
    """Two times two clips: the weights of one batch of four, also with clipping and a schedule."""
    found = []
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    for parts in (1, 2):
        cfg = get_cfg()
        cfg.SOLVER.ACCUMULATE = parts
        cfg.SOLVER.CLIP_GRADIENTS.ENABLED = True
        cfg.SOLVER.CLIP_GRADIENTS.CLIP_TYPE = "full_model"
        cfg.SOLVER.CLIP_GRADIENTS.CLIP_VALUE = 0.5
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        optimizer = build_optimizer(cfg, model)
        for _ in range(3):
            for part in x.chunk(parts):
                optimizer.zero_grad()
                model(part).square().mean().backward()
                optimizer.step()
        found.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.testing.assert_close(*found)
    cfg.SOLVER.AMP.ENABLED = True
    with pytest.raises(ConfigError, match="AMP.ENABLED is True, expected False with SOLVER.ACCUM"):
        build_optimizer(cfg, model)
