"""One training step that waits for a GPU once, at its end."""

import time

import torch
from detectron2.engine import AMPTrainer, SimpleTrainer

from audiodet.modeling.logged import logging_together


class Stepper(SimpleTrainer):
    """detectron2's SimpleTrainer; losses are read after all work of the step is under way."""

    def __init__(self, model, data_loader, optimizer, half: bool = False):
        """``half``: convolutions and matrix products in bfloat16, which needs no scaled loss."""
        super().__init__(model, data_loader, optimizer)
        self.half = half
        self.device = next(model.parameters()).device.type

    def run_step(self):
        start = time.perf_counter()
        batch = next(self._data_loader_iter)
        data_time = time.perf_counter() - start
        with logging_together():
            with torch.autocast(self.device, torch.bfloat16, enabled=self.half):
                losses = self.model(batch)
            if isinstance(losses, torch.Tensor):
                losses = {"total_loss": losses}
            self.optimizer.zero_grad()
            sum(losses.values()).backward()
            self.after_backward()
            self.optimizer.step()
        values = torch.stack([loss.detach().float() for loss in losses.values()]).cpu()
        self._write_metrics(dict(zip(losses, values)), data_time)


def build_stepper(cfg, model, loader, optimizer) -> SimpleTrainer:
    """With SOLVER.AMP in bfloat16, or in float16 on a GPU that has no other."""
    if cfg.SOLVER.AMP.ENABLED and not torch.cuda.is_bf16_supported(including_emulation=False):
        return AMPTrainer(model, loader, optimizer)
    return Stepper(model, loader, optimizer, half=cfg.SOLVER.AMP.ENABLED)
