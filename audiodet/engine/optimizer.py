"""Optimizers by configuration: SGD or Adam; gradients clipped whole or by part."""

from types import MethodType

import torch
from detectron2.solver.build import get_default_optimizer_params, maybe_add_gradient_clipping

from audiodet.errors import ConfigError


def build_optimizer(cfg, model) -> torch.optim.Optimizer:
    """The optimizer that ``SOLVER.OPTIMIZER`` names.

    ``SOLVER.CLIP_GRADIENTS.CLIP_TYPE`` may be detectron2's "value" or "norm", which it applies to
    each parameter, or "full_model": the norm of all gradients together.

    With ``SOLVER.ACCUMULATE`` see :func:`accumulate_gradients`.

    Raises:
        ConfigError: no such optimizer or way of clipping; parts of batches in half precision.
    """
    clip = cfg.SOLVER.CLIP_GRADIENTS
    builders = {"adam": _adam, "sgd": _sgd}
    if cfg.SOLVER.OPTIMIZER not in builders:
        raise ConfigError(f"SOLVER.OPTIMIZER is {cfg.SOLVER.OPTIMIZER!r}, expected 'adam' or 'sgd'")
    if clip.CLIP_TYPE not in ("value", "norm", "full_model"):
        raise ConfigError(
            f"SOLVER.CLIP_GRADIENTS.CLIP_TYPE is {clip.CLIP_TYPE!r}, expected 'value', 'norm' or "
            "'full_model'"
        )
    if cfg.SOLVER.ACCUMULATE > 1 and cfg.SOLVER.AMP.ENABLED:
        raise ConfigError("SOLVER.AMP.ENABLED is True, expected False with SOLVER.ACCUMULATE")
    optimizer = _build(cfg, model, builders[cfg.SOLVER.OPTIMIZER])
    if cfg.SOLVER.ACCUMULATE > 1:
        accumulate_gradients(optimizer, cfg.SOLVER.ACCUMULATE)
    return optimizer


def _build(cfg, model, build) -> torch.optim.Optimizer:
    clip = cfg.SOLVER.CLIP_GRADIENTS
    clippers = {"full_model": torch.nn.utils.clip_grad_norm_, "norm": clip_each}
    if not clip.ENABLED or clip.CLIP_TYPE not in clippers:
        return build(cfg, model)
    plain = cfg.clone()
    plain.defrost()
    plain.SOLVER.CLIP_GRADIENTS.ENABLED = False
    optimizer = build(plain, model)
    clipper = clippers[clip.CLIP_TYPE]

    def clip_gradients(optimizer, *_):
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        clipper(parameters, clip.CLIP_VALUE, clip.NORM_TYPE)

    optimizer.register_step_pre_hook(clip_gradients)
    return optimizer


@torch.no_grad()
def clip_each(parameters, most: float, norm_type: float = 2.0) -> None:
    """``clip_grad_norm_`` of each parameter by itself, all in a few calls."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return
    norms = torch.stack(torch._foreach_norm(gradients, norm_type))
    factors = (most / (norms + 1e-6)).clamp(max=1.0)
    torch._foreach_mul_(gradients, list(factors.unbind()))


def accumulate_gradients(optimizer: torch.optim.Optimizer, parts: int) -> None:
    """Let only every ``parts``-th step change the weights, by the mean of their gradients.

    Gradients are cleared before the first of them alone, and averaged before they are clipped.
    """
    inner_step = optimizer.step
    inner_zero = optimizer.zero_grad
    seen = 0

    def zero_grad(self, *args, **kwargs):
        if not seen:
            inner_zero(*args, **kwargs)

    def step(self, *args, **kwargs):
        nonlocal seen
        seen += 1
        if seen < parts:
            return None
        seen = 0
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad /= parts
        return inner_step(*args, **kwargs)

    optimizer.zero_grad = MethodType(zero_grad, optimizer)
    optimizer.step = MethodType(step, optimizer)


def _adam(cfg, model) -> torch.optim.Adam:
    adam = maybe_add_gradient_clipping(cfg, torch.optim.Adam)
    return adam(_groups(cfg, model), cfg.SOLVER.BASE_LR, weight_decay=cfg.SOLVER.WEIGHT_DECAY)


def _sgd(cfg, model) -> torch.optim.SGD:
    """As detectron2 builds it."""
    sgd = maybe_add_gradient_clipping(cfg, torch.optim.SGD)
    solver = cfg.SOLVER
    return sgd(
        _groups(cfg, model),
        solver.BASE_LR,
        momentum=solver.MOMENTUM,
        nesterov=solver.NESTEROV,
        weight_decay=solver.WEIGHT_DECAY,
    )


def _groups(cfg, model) -> list[dict]:
    """Parameters that learn, with their rates: a pretrained trunk's is MODEL.PRETRAINED.RATE_FACTOR
    of the others'.
    """
    solver = cfg.SOLVER
    factor = cfg.MODEL.PRETRAINED.RATE_FACTOR
    return get_default_optimizer_params(
        model,
        base_lr=solver.BASE_LR,
        weight_decay_norm=solver.WEIGHT_DECAY_NORM,
        bias_lr_factor=solver.BIAS_LR_FACTOR,
        weight_decay_bias=solver.WEIGHT_DECAY_BIAS,
        lr_factor_func=lambda name: factor if ".trunk." in name else 1.0,
    )
