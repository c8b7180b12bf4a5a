"""Gradients are clipped as the configuration says, by any optimizer."""

import pytest
import torch
from torch import nn

from audiodet.config import get_cfg
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
