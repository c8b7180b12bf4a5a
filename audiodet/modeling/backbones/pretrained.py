"""A network trained on AudioSet as a backbone: its maps, and a small neck that learns.

Shape shorthand: N clips, C channels, B bands, D = C x B, S time steps, T frames.
"""

import torch
from detectron2.layers import ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY, FPN, Backbone
from detectron2.modeling.backbone.fpn import LastLevelMaxPool
from torch import nn
from torch.nn import functional as F

from audiodet.errors import ConfigError
from audiodet.modeling.backbones.batches import check_bands
from audiodet.modeling.backbones.map_cache import MapCache
from audiodet.modeling.backbones.mn04 import AUDIOSET_CLASSES, MN04, N_MELS, STRIDES
from audiodet.modeling.backbones.mn04_weights import MN04_SHA256, read_mn04
from audiodet.modeling.backbones.step_neck import StepNeck

MIN_FRAMES = 32  # a shorter clip is padded to one step of the coarsest map
SCORES = "scores"  # name of the AudioSet logits among the maps
SCORE_STEPS = 3  # of the coarsest map, whose mean gives the logits of a time step: 0.96 s


def steps_of(frames: int, stride: int) -> int:
    """Time steps of a map; step i is centred on frame i * stride."""
    return -(-max(frames, MIN_FRAMES) // stride)


class PretrainedMaps(Backbone):
    """A trunk trained on AudioSet: (N, 1, H, T) -> {"m6": (N, C, B, S), "m12": ..., "m16": ...}.

    Batch norm of the trunk always uses the statistics it was trained with. Layers below
    ``learned_from`` do not learn; when none does, the maps can be kept on disk. A map's stride is
    the same over mel bands and frames, so an FPN can stand on them.
    """

    def __init__(self, trunk: MN04, learned_from: int = 100, cache: MapCache | None = None):
        """
        Args:
            learned_from: number of the first layer that learns.
            cache: where maps of a trunk that does not learn are kept.
        """
        super().__init__()
        self.trunk, self.cache = trunk.to(memory_format=torch.channels_last), cache
        self.frozen = learned_from >= len(trunk.features)
        for number, layer in enumerate(trunk.features):
            layer.requires_grad_(number >= learned_from)
        trunk.classifier.requires_grad_(False)
        names = {number: f"m{number}" for number in STRIDES}
        self._out_features = list(names.values())
        self._out_feature_channels = {
            name: trunk.map_sizes[k] * STRIDES[k] // N_MELS for k, name in names.items()
        }
        self._out_feature_strides = {name: STRIDES[k] for k, name in names.items()}

    def train(self, mode: bool = True):
        """The trunk stays in eval mode: its batch norm must not learn of small batches."""
        super().train(mode)
        self.trunk.eval()
        return self

    def load_published(self, path: str) -> None:
        """Start the trunk from the published file; see :func:`read_mn04` for its errors."""
        self.trunk.load_state_dict(read_mn04(path))

    def flat_maps(self, x: torch.Tensor, lengths=None) -> dict:
        """{layer: (N, D, S)} of all of STRIDES.

        Args:
            x: (N, 1, H, T), as the front end makes it.
            lengths: frames of each clip when they differ; a clip's maps are then the same as if
                it came alone.
        """
        check_bands(x, N_MELS)
        x = F.pad(x, (0, max(0, MIN_FRAMES - x.shape[-1])))
        lengths = lengths and [max(length, MIN_FRAMES) for length in lengths]
        if self.cache and self.frozen and not lengths:
            return self.cache.get(x, self._compute)
        return self._compute(x, lengths)

    def _compute(self, x: torch.Tensor, lengths=None) -> dict:
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return {k: v.flatten(1, 2) for k, v in self.trunk.maps(x, lengths).items()}

    def forward(self, x: torch.Tensor) -> dict:
        """(N, 1, H, T), all equally long -> maps by name."""
        maps = self.flat_maps(x)
        return {f"m{k}": v.unflatten(1, (-1, N_MELS // STRIDES[k])) for k, v in maps.items()}


class PretrainedSteps(PretrainedMaps):
    """:class:`PretrainedMaps` and a :class:`StepNeck`: (N, 1, H, T) -> {"time": (N, C, 1, S)}."""

    def __init__(
        self,
        trunk,
        *,
        layers=(6, 12, 16),
        scores=False,
        stride=16,
        learned_from=100,
        cache=None,
        necks=1,
        **neck,
    ):
        """
        Args:
            layers: numbers of the trunk's layers whose maps are used.
            scores: the trunk's AudioSet logits are used too.
            stride: frames of a time step, that of one of the layers.
            learned_from, cache: see :class:`PretrainedMaps`.
            necks: whose channels come one after another.
            neck: see :class:`StepNeck`.
        """
        if set(layers) - set(STRIDES) or stride not in STRIDES.values():
            raise ConfigError(
                f"MODEL.PRETRAINED.LAYERS {list(layers)}, STRIDE {stride}: expected layers among "
                f"{list(STRIDES)} and a stride among {list(STRIDES.values())}"
            )
        super().__init__(trunk, learned_from, cache)
        self.layers, self.scores, self.stride = tuple(layers), scores, stride
        sizes = {number: trunk.map_sizes[number] for number in layers}
        sizes |= {SCORES: AUDIOSET_CLASSES} if scores else {}
        self.necks = nn.ModuleList([StepNeck(sizes, **neck) for _ in range(necks)])
        self._out_features = ["time"]
        self._out_feature_channels = {"time": necks * neck["channels"]}
        self._out_feature_strides = {"time": stride}

    def steps(self, frames: int) -> int:
        """Time steps S of a clip of ``frames`` frames."""
        return steps_of(frames, self.stride)

    def forward(self, x: torch.Tensor, lengths=None) -> dict:
        """
        Args:
            x: (N, 1, H, T), as the front end makes it.
            lengths: frames of each clip when they differ; a clip's features are then the same
                as if it came alone.
        """
        maps = self.flat_maps(x, lengths)
        used = {number: maps[number] for number in self.layers}
        if self.scores:
            ends = lengths and [steps_of(length, STRIDES[16]) for length in lengths]
            used[SCORES] = self.trunk.step_scores(maps[16], SCORE_STEPS, ends)
        sizes = lengths and [self.steps(length) for length in lengths]
        parts = [neck(used, self.steps(x.shape[-1]), sizes) for neck in self.necks]
        return {"time": torch.cat(parts, dim=1).unsqueeze(2)}


def _trunk_settings(cfg) -> dict:
    """Trunk, cache and depth of learning from ``MODEL.PRETRAINED``.

    Raises:
        ConfigError: another front end than the network's.
    """
    if cfg.INPUT.FRONT_END != "efficientat":
        raise ConfigError(
            f"INPUT.FRONT_END is {cfg.INPUT.FRONT_END!r}, {cfg.MODEL.BACKBONE.NAME} expects "
            "'efficientat'"
        )
    keys = cfg.MODEL.PRETRAINED
    window = round(keys.SE_SECONDS * cfg.INPUT.AUDIO.SAMPLE_RATE / cfg.INPUT.SPECTROGRAM.HOP)
    cache = MapCache(keys.CACHE_DIR, f"mn04 {MN04_SHA256} {window}") if keys.CACHE_DIR else None
    return {"trunk": MN04(window), "learned_from": keys.LEARNED_FROM, "cache": cache}


@BACKBONE_REGISTRY.register()
def build_mn04_maps(cfg, input_shape: ShapeSpec) -> PretrainedMaps:
    """EfficientAT's mn04 alone; its front end is "efficientat"."""
    return PretrainedMaps(**_trunk_settings(cfg))


@BACKBONE_REGISTRY.register()
def build_mn04_backbone(cfg, input_shape: ShapeSpec) -> PretrainedSteps:
    """EfficientAT's mn04 and a neck, from ``MODEL.PRETRAINED``; its front end is "efficientat"."""
    keys = cfg.MODEL.PRETRAINED
    return PretrainedSteps(
        **_trunk_settings(cfg),
        layers=keys.LAYERS,
        scores=keys.SCORES,
        stride=keys.STRIDE,
        necks=keys.NECKS,
        channels=keys.CHANNELS,
        context=keys.CONTEXT,
        kernel=keys.KERNEL,
        dropout=keys.DROPOUT,
    )


@BACKBONE_REGISTRY.register()
def build_mn04_fpn_backbone(cfg, input_shape: ShapeSpec) -> FPN:
    """A feature pyramid on mn04's maps: p3 to p5, and p6 by subsampling."""
    return FPN(
        PretrainedMaps(**_trunk_settings(cfg)),
        cfg.MODEL.FPN.IN_FEATURES,
        cfg.MODEL.FPN.OUT_CHANNELS,
        norm=cfg.MODEL.FPN.NORM,
        top_block=LastLevelMaxPool(),
        fuse_type=cfg.MODEL.FPN.FUSE_TYPE,
    )
