"""Several checkpoints of one frame-level system as one (Kiyokawa et al. 2019).

Shape shorthand: E checkpoints, S time steps, K classes.
"""
import torch
from torch import nn

from audiodet.errors import ConfigError
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.modeling.tf_segmentation import TFSegmentation


class FrameEnsemble(nn.Module):
    """Mean of the members' step scores, weighted by class; events as the members make them."""

    def __init__(self, members, weights: torch.Tensor):
        """
        Args:
            members: FrameClassifiers of equal steps.
            weights: (E, K), not below 0; a class that all members weigh 0 gets their plain mean.

        Raises:
            ConfigError: a member is no frame-level model, or one whose clip scores and masks do
                not follow from its step scores.
        """
        super().__init__()
        wrong = [type(m).__name__ for m in members if not isinstance(m, FrameClassifier)]
        if wrong or not members:
            raise ConfigError(f"an ensemble of {wrong or 'nothing'}, expected frame-level models")
        if any(isinstance(m, TFSegmentation) for m in members):
            raise ConfigError(
                "an ensemble of TFSegmentation, expected a system that is its step scores alone: "
                "the mean of step scores has no clip scores by pooling, no masks, no frequencies"
            )
        self.members = nn.ModuleList(members)
        weights = torch.where(weights.sum(0) > 0, weights, 1.0)
        self.register_buffer("weights", weights / weights.sum(0))

    def step_scores(self, batched_inputs) -> list:
        """See :meth:`FrameClassifier.step_scores`."""
        each = [member.step_scores(batched_inputs) for member in self.members]
        return [(torch.stack(own) * self.weights[:, None]).sum(0) for own in zip(*each)]

    def forward(self, batched_inputs):
        """See :meth:`FrameClassifier.forward`; at inference only."""
        scores, first = self.step_scores(batched_inputs), self.members[0]
        return [first.inference(own, clip) for own, clip in zip(scores, batched_inputs)]
