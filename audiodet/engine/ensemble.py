"""Several checkpoints as one: what TEST.ENSEMBLE means.

Of one frame-level system their probabilities are averaged, weighted on validation clips (Kiyokawa
et al. 2019); of any others the events vote (:mod:`audiodet.modeling.ensemble`).

Shape shorthand: E checkpoints, S time steps, K classes.
"""

import glob
import logging

import numpy as np
import torch
from detectron2.utils import comm
from torch import nn

from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.engine.setup import load_config
from audiodet.engine.validation import validation_clips
from audiodet.errors import ConfigError
from audiodet.evaluation.counts import Matching, score_clips
from audiodet.events import thresholds_by_label
from audiodet.modeling.ensemble import load_ensemble
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.modeling.model import SEDModel, system_class
from audiodet.modeling.stock import build_model
from audiodet.weights import find_weights, shipped_names

logger = logging.getLogger(__name__)


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
        return self.members[0].time_stride

    @torch.no_grad()
    def forward(self, batched_inputs):
        """See :meth:`FrameClassifier.forward`; at inference only."""
        clips = zip(batched_inputs, self.class_maps(batched_inputs))
        return [self.members[0].from_maps(*maps, clip) for clip, maps in clips]

    def class_maps(self, batched_inputs) -> list:
        """See :meth:`FrameClassifier.class_maps`; the weighted mean of the members'."""
        maps_of_members = [member.class_maps(batched_inputs) for member in self.members]
        means = []
        for maps in zip(*maps_of_members):
            means.append(tuple(self._mean(parts) for parts in zip(*maps)))
        return means

    @property
    def deciding(self) -> FrameClassifier:
        """The member whose rules make scores events."""
        return self.members[0]

    def _mean(self, maps) -> torch.Tensor:
        """(K, ...) of each member -> their weighted mean."""
        return torch.einsum("ek,ek...->k...", self.weights, torch.stack(maps).float())


def build_ensemble(cfg) -> SEDModel:
    """The checkpoints of ``TEST.ENSEMBLE`` as one model; its ``cfg`` is what to score it with.

    Raises:
        ConfigError: a pattern matches no file, or members do not fit each other.
        WeightsError: a file is no checkpoint.
    """
    system = system_class(cfg)
    if isinstance(system, type) and issubclass(system, FrameClassifier):
        return _frame_ensemble(cfg)
    return load_ensemble(cfg, checkpoint_paths(cfg.TEST.ENSEMBLE))


def open_ensemble(config_file: str, device: str) -> SEDModel:
    """:func:`build_ensemble` of a YAML.

    Raises:
        ConfigError, WeightsError: as there, or the YAML names no members.
    """
    cfg = load_config(config_file, ["MODEL.DEVICE", device])
    if not cfg.TEST.ENSEMBLE:
        raise ConfigError(
            f"{config_file}: TEST.ENSEMBLE is empty, expected the members of an ensemble; of a "
            "single model give the configuration and a checkpoint (--config-file, --weights)"
        )
    return build_ensemble(cfg)


def _frame_ensemble(cfg) -> FrameEnsemble:
    """Weighted by class-wise F1 on ``DATASETS.VAL``."""
    if not cfg.DATASETS.VAL:
        raise ConfigError("TEST.ENSEMBLE needs DATASETS.VAL, on which its members are weighted")
    members = []
    for path in checkpoint_paths(cfg.TEST.ENSEMBLE):
        member = build_model(cfg)
        SEDCheckpointer(member, cfg=cfg).load(path)
        members.append(member.eval())
    weights = torch.tensor([class_f1(cfg, member) for member in members])
    logger.info(f"ensemble of {len(members)}, F1 by class:\n{weights.round(decimals=1)}")
    ensemble = FrameEnsemble(members, weights).eval().to(members[0].device)
    ensemble.cfg = cfg
    return ensemble


def checkpoint_paths(patterns) -> list[str]:
    """Files that the patterns match and models that ship, in their order, each once.

    Files of one pattern are sorted. ConfigError if one matches none.
    """
    paths = {}
    for pattern in patterns:
        ships = pattern in shipped_names()
        matches = [find_weights(pattern)] if ships else sorted(glob.glob(pattern))
        if not matches:
            raise ConfigError(
                f"TEST.ENSEMBLE: no file matches {pattern!r}, expected checkpoints or models that "
                f"ship: {', '.join(shipped_names())}"
            )
        paths.update(dict.fromkeys(matches))
    return list(paths)


def class_f1(cfg, model) -> list[float]:
    """Event-based F1 of each label on ``DATASETS.VAL`` in percent, 0 where it has no true event."""
    clips = validation_clips(cfg, model)
    labels = cfg.DATASETS.LABELS
    scores = []
    if comm.is_main_process():
        thresholds = thresholds_by_label(cfg.TEST.THRESHOLDS, labels)
        decision = (thresholds, cfg.TEST.BEST_EVENT_PER_CLIP, Matching.from_config(cfg))
        per_label = score_clips(clips, labels, *decision).per_label
        scores = [float(np.nan_to_num(per_label[label]["F1"])) for label in labels]
    return comm.all_gather(scores)[0]
