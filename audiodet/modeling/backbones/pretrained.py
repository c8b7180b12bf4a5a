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
from audiodet.modeling.backbones.mn04 import MN04
from audiodet.modeling.backbones.mn04_weights import MN04_SHA256, read_mn04
from audiodet.modeling.backbones.step_neck import StepNeck
from audiodet.modeling.backbones.yamnet import YAMNet
from audiodet.modeling.backbones.yamnet_weights import YAMNET_SHA256, read_yamnet

MIN_FRAMES = 32  # a shorter clip is padded to one step of the coarsest map
SCORES = "scores"  # name of the AudioSet logits among the maps
SCORE_STEPS = 3  # of the coarsest map, whose mean gives the logits of a time step: 0.96 s


def steps_of(frames: int, stride: int) -> int:
    """Time steps of a map; step i is centred on frame i * stride."""
    return (max(frames, MIN_FRAMES) + stride - 1) // stride


class PretrainedMaps(Backbone):
    """A trunk trained on AudioSet: (N, 1, H, T) -> {"m6": (N, C, B, S), "m12": ..., ...}.

    Batch norm of the trunk always uses the statistics it was trained with. Layers below
    ``learned_from`` do not learn; when none does, the maps can be kept on disk. A map's stride is
    the same over mel bands and frames, so an FPN can stand on them.
    """

    min_frames = MIN_FRAMES

    def __init__(
        self,
        trunk: MN04 | YAMNet,
        learned_from: int = 100,
        cache: MapCache | None = None,
        read=read_mn04,
    ):
        """
        Args:
            learned_from: number of the first layer that learns.
            read: path of the published file -> tensors of the trunk.
            cache: where maps of a trunk that does not learn are kept.
        """
        super().__init__()
        self.trunk, self.cache = trunk.to(memory_format=torch.channels_last), cache
        self.read = read
        self.frozen = learned_from > max(trunk.numbered_layers)
        for number, layer in trunk.numbered_layers.items():
            layer.requires_grad_(number >= learned_from)
        trunk.classifier.requires_grad_(False)
        strides = {f"m{number}": stride for number, stride in trunk.strides.items()}
        self._out_features = list(strides)
        self._out_feature_channels = {
            f"m{k}": trunk.map_sizes[k] * stride // trunk.n_mels
            for k, stride in trunk.strides.items()
        }
        self._out_feature_strides = strides

    def train(self, mode: bool = True):
        """The trunk stays in eval mode: its batch norm must not learn of small batches."""
        super().train(mode)
        self.trunk.eval()
        return self

    def load_published(self, path: str) -> None:
        """Start the trunk from the published file.

        Raises:
            WeightsError: no such file, or another one.
        """
        self.trunk.load_state_dict(self.read(path))

    def flat_maps(self, x: torch.Tensor, lengths=None) -> dict:
        """{layer: (N, D, S)} of all of the trunk's ``strides``."""
        check_bands(x, self.trunk.n_mels)
        x = F.pad(x, (0, max(0, MIN_FRAMES - x.shape[-1])))
        lengths = lengths and [max(length, MIN_FRAMES) for length in lengths]
        if self.cache and self.frozen:
            frames = x.shape[-1]
            steps = {k: steps_of(frames, stride) for k, stride in self.trunk.strides.items()}
            return self.cache.get(x, self._compute, lengths or [frames] * len(x), steps)
        return self._compute(x, lengths)

    def _compute(self, x: torch.Tensor, lengths=None) -> dict:
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return {k: v.flatten(1, 2) for k, v in self.trunk.maps(x, lengths).items()}

    def forward(self, x: torch.Tensor) -> dict:
        """(N, 1, H, T), all equally long -> maps by name."""
        maps = {}
        for k, flat in self.flat_maps(x).items():
            bands = self.trunk.n_mels // self.trunk.strides[k]
            # unflatten() would be exported with the sizes of the example
            maps[f"m{k}"] = flat.reshape(len(flat), -1, bands, flat.shape[-1])
        return maps


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
        read=read_mn04,
        necks=1,
        **neck,
    ):
        """
        Args:
            layers: numbers of the trunk's layers whose maps are used.
            scores: the trunk's AudioSet logits are used too.
            stride: frames of a time step, that of one of the layers.
            necks: whose channels come one after another.
        """
        strides = trunk.strides
        if set(layers) - set(strides) or stride not in strides.values():
            raise ConfigError(
                f"MODEL.PRETRAINED.LAYERS {list(layers)}, STRIDE {stride}: expected layers among "
                f"{list(strides)} and a stride among {list(strides.values())}"
            )
        super().__init__(trunk, learned_from, cache, read)
        self.layers, self.scores, self.stride = tuple(layers), scores, stride
        sizes = {number: trunk.map_sizes[number] for number in layers}
        sizes |= {SCORES: trunk.num_classes} if scores else {}
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
            last, coarsest = max(self.trunk.strides.items())
            ends = lengths and [steps_of(length, coarsest) for length in lengths]
            used[SCORES] = self.trunk.step_scores(maps[last], SCORE_STEPS, ends)
        sizes = lengths and [self.steps(length) for length in lengths]
        parts = [neck(used, self.steps(x.shape[-1]), sizes) for neck in self.necks]
        return {"time": torch.cat(parts, dim=1).unsqueeze(2)}


def _settings(cfg, front_ends: tuple, trunk, read, name: str) -> dict:
    """Trunk, cache and depth of learning from ``MODEL.PRETRAINED``.

    Args:
        front_ends: those of the network; ConfigError where the front end is another.
        name: of all but the spectrogram that the maps of a trunk that does not learn depend on.
    """
    if cfg.INPUT.FRONT_END not in front_ends:
        raise ConfigError(
            f"INPUT.FRONT_END is {cfg.INPUT.FRONT_END!r}, {cfg.MODEL.BACKBONE.NAME} expects "
            f"{' or '.join(map(repr, front_ends))}"
        )
    keys = cfg.MODEL.PRETRAINED
    cache = MapCache(keys.CACHE_DIR, name) if keys.CACHE_DIR else None
    return {"trunk": trunk, "learned_from": keys.LEARNED_FROM, "cache": cache, "read": read}


def _mn04(cfg) -> dict:
    seconds = cfg.MODEL.PRETRAINED.SE_SECONDS
    window = round(seconds * cfg.INPUT.AUDIO.SAMPLE_RATE / cfg.INPUT.SPECTROGRAM.HOP)
    front_ends = ("efficientat", "efficientat_published")
    return _settings(cfg, front_ends, MN04(window), read_mn04, f"mn04 {MN04_SHA256} {window}")


def _yamnet(cfg) -> dict:
    return _settings(cfg, ("yamnet",), YAMNet(), read_yamnet, f"yamnet {YAMNET_SHA256}")


def _with_neck(cfg, settings: dict) -> PretrainedSteps:
    keys = cfg.MODEL.PRETRAINED
    return PretrainedSteps(
        **settings,
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
def build_mn04_maps(cfg, input_shape: ShapeSpec) -> PretrainedMaps:
    """EfficientAT's mn04 alone; its front end is "efficientat"."""
    return PretrainedMaps(**_mn04(cfg))


@BACKBONE_REGISTRY.register()
def build_mn04_backbone(cfg, input_shape: ShapeSpec) -> PretrainedSteps:
    """EfficientAT's mn04 and a neck, from ``MODEL.PRETRAINED``; its front end is "efficientat"."""
    return _with_neck(cfg, _mn04(cfg))


@BACKBONE_REGISTRY.register()
def build_yamnet_backbone(cfg, input_shape: ShapeSpec) -> PretrainedSteps:
    """YAMNet and a neck, from ``MODEL.PRETRAINED``; its front end is "yamnet"."""
    return _with_neck(cfg, _yamnet(cfg))


@BACKBONE_REGISTRY.register()
def build_mn04_fpn_backbone(cfg, input_shape: ShapeSpec) -> FPN:
    """A feature pyramid on mn04's maps: p3 to p5, and p6 by subsampling."""
    return FPN(
        PretrainedMaps(**_mn04(cfg)),
        cfg.MODEL.FPN.IN_FEATURES,
        cfg.MODEL.FPN.OUT_CHANNELS,
        norm=cfg.MODEL.FPN.NORM,
        top_block=LastLevelMaxPool(),
        fuse_type=cfg.MODEL.FPN.FUSE_TYPE,
    )
