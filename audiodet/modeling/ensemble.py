"""Several checkpoints of one frame-level system as one (Kiyokawa et al. 2019).

Shape shorthand: E checkpoints, S time steps, K classes.
"""

import torch
from torch import nn

from audiodet.errors import ConfigError
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.modeling.model import SEDModel


class FrameEnsemble(SEDModel, nn.Module):
    """Mean of the members' probabilities, weighted by class; outputs as the members make them."""

    def __init__(self, members, weights: torch.Tensor):
        """
        Args:
            members: FrameClassifiers of one configuration.
            weights: (E, K), not below 0; a class that all members weigh 0 gets their plain mean.

        Raises:
            ConfigError: a member is no frame-level model.
        """
        super().__init__()
        wrong = [type(m).__name__ for m in members if not isinstance(m, FrameClassifier)]
        if wrong or not members:
            raise ConfigError(f"an ensemble of {wrong or 'nothing'}, expected frame-level models")
        self.members = nn.ModuleList(members)
        self.clip_input = members[0].clip_input
        self.postprocessors = members[0].postprocessors
        self.has_masks = members[0].has_masks
        weights = torch.where(weights.sum(0) > 0, weights, 1.0)
        self.register_buffer("weights", weights / weights.sum(0))

    @property
    def time_stride(self) -> int:
        """Frames of a member's step."""
        return self.members[0].time_stride

    @torch.no_grad()
    def forward(self, batched_inputs):
        """See :meth:`FrameClassifier.forward`; at inference only."""
        maps_of_members = [member.class_maps(batched_inputs) for member in self.members]
        outputs = []
        for clip, *maps in zip(batched_inputs, *maps_of_members):
            means = [self._mean(parts) for parts in zip(*maps)]
            outputs.append(self.members[0].from_maps(*means, clip))
        return outputs

    def _mean(self, maps) -> torch.Tensor:
        """(K, ...) of each member -> their weighted mean."""
        return torch.einsum("ek,ek...->k...", self.weights, torch.stack(maps).float())
