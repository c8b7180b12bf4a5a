"""A detector that knows only time: what differs from detectron2's two-dimensional one.

Boxes keep detectron2's four numbers and always span all frequencies, so matching, losses,
NMS and clipping are interval operations without a line of ours. Two deltas per box are learned
(centre and duration); exact zeros stand in for the other two.

Shape shorthand: N clips, A anchors per step, S time steps, R regions, K classes, M hidden units,
B rows (mel bands divided by a level's stride), C channels.
"""

import torch
from detectron2.config import configurable
from detectron2.layers import Conv2d, ShapeSpec
from detectron2.modeling import ROI_BOX_HEAD_REGISTRY, ROI_HEADS_REGISTRY, RPN_HEAD_REGISTRY
from detectron2.modeling.anchor_generator import ANCHOR_GENERATOR_REGISTRY, DefaultAnchorGenerator
from detectron2.modeling.proposal_generator.rpn import StandardRPNHead
from detectron2.modeling.roi_heads import FastRCNNOutputLayers, build_box_head
from detectron2.modeling.roi_heads.box_head import FastRCNNConvFCHead
from torch import nn

from audiodet.modeling.time_heads import BatchedBoxHeads
from audiodet.modeling.time_pooling import TimeROIPooler

LENGTHS = 16  # of clips whose anchors are remembered


def deliver_four(deltas: torch.Tensor) -> torch.Tensor:
    """(dx, dw) pairs along dimension 1 -> (dx, 0, dw, 0): (R, 2K) -> (R, 4K), the same in 4-D."""
    pairs = torch.stack((deltas, torch.zeros_like(deltas)), dim=2)  # (R, 2K, 2, ...)
    return pairs.flatten(1, 2)


@ANCHOR_GENERATOR_REGISTRY.register()
class TimeAnchorGenerator(DefaultAnchorGenerator):
    """Full-height anchors, one position per time step.

    ``MODEL.ANCHOR_GENERATOR.SIZES`` are durations in frames; ``ASPECT_RATIOS`` has no meaning.
    ``height`` is the number of mel bands that every anchor spans.
    """

    @configurable
    def __init__(self, *, height: int, **kwargs):
        super().__init__(**kwargs)
        self.height = height
        self._made = {}

    @classmethod
    def from_config(cls, cfg, input_shape: list[ShapeSpec]):
        return {**super().from_config(cfg, input_shape), "height": cfg.INPUT.SPECTROGRAM.N_MELS}

    def generate_cell_anchors(self, sizes, aspect_ratios):
        """Durations in frames -> (A, 4) boxes about 0; the grid adds the height."""
        return torch.tensor([[-d / 2, 0.0, d / 2, 0.0] for d in sizes])

    def _grid_anchors(self, grid_sizes):
        """Made once for all clips of one length; the last few lengths are remembered."""
        if torch.jit.is_tracing():
            return self._make_anchors(grid_sizes)
        key = (tuple(map(tuple, grid_sizes)), next(iter(self.cell_anchors)).device)
        if key not in self._made:
            if len(self._made) >= LENGTHS:
                self._made.clear()
            with torch.inference_mode(False):  # made while a model infers, they serve its training
                self._made[key] = self._make_anchors(grid_sizes)
        return self._made[key]

    def _make_anchors(self, grid_sizes):
        anchors = []
        for (_, steps), stride, cell in zip(grid_sizes, self.strides, self.cell_anchors):
            x = (torch.arange(steps, device=cell.device) + self.offset) * stride
            zero = torch.zeros_like(x)
            shifts = torch.stack((x, zero, x, zero + self.height), dim=1)  # (S, 4)
            anchors.append((shifts[:, None] + cell).reshape(-1, 4))  # (S * A, 4)
        return anchors


@RPN_HEAD_REGISTRY.register()
class TimeRPNHead(StandardRPNHead):
    """Looks at three time steps and learns two deltas per anchor (R-CRNN, section 2.2)."""

    @configurable
    def __init__(self, *, box_dim: int = 4, **kwargs):
        super().__init__(box_dim=box_dim // 2, **kwargs)

    def _get_rpn_conv(self, in_channels, out_channels):
        return Conv2d(in_channels, out_channels, (1, 3), padding=(0, 1), activation=nn.ReLU())

    def forward(self, features: list[torch.Tensor]):
        """See :meth:`StandardRPNHead.forward`; the deltas are (N, 4A, 1, S)."""
        logits, deltas = super().forward(features)
        return logits, [deliver_four(d) for d in deltas]


@RPN_HEAD_REGISTRY.register()
class LevelTimeRPNHead(TimeRPNHead):
    """:class:`TimeRPNHead` on the two-dimensional maps of a feature pyramid.

    Each level first collapses its frequency axis: every channel is a learned weighting of the
    level's rows. (A mean would no longer know which band a sound is in.)
    """

    @configurable
    def __init__(self, *, channels: int, rows: list[int], **kwargs):
        """``channels`` are those of every level, ``rows`` the B of each."""
        super().__init__(**kwargs)
        weights = [nn.Parameter(torch.empty(channels, b).normal_(std=b**-0.5)) for b in rows]
        self.collapse = nn.ParameterList(weights)

    @classmethod
    def from_config(cls, cfg, input_shape: list[ShapeSpec]):
        rows = [-(-cfg.INPUT.SPECTROGRAM.N_MELS // level.stride) for level in input_shape]
        head = super().from_config(cfg, input_shape)
        return {**head, "channels": input_shape[0].channels, "rows": rows}

    def forward(self, features: list[torch.Tensor]):
        """[(N, C, B, S)] of all levels -> see :class:`TimeRPNHead`."""
        collapsed = []
        for x, weight in zip(features, self.collapse):
            collapsed.append(torch.einsum("ncbs,cb->ncs", x, weight.to(x)).unsqueeze(2))
        return super().forward(collapsed)


@ROI_BOX_HEAD_REGISTRY.register()
class DropoutFCHead(FastRCNNConvFCHead):
    """detectron2's fully connected box head with dropout after every layer."""

    @configurable
    def __init__(self, *args, dropout: float, **kwargs):
        super().__init__(*args, **kwargs)
        for name, layer in list(self.named_children()):
            if isinstance(layer, nn.ReLU):  # no weights: the names in a checkpoint stay
                self.add_module(name, nn.Sequential(layer, nn.Dropout(dropout)))

    @classmethod
    def from_config(cls, cfg, input_shape):
        head = super().from_config(cfg, input_shape)
        return {**head, "dropout": cfg.MODEL.ROI_BOX_HEAD.DROPOUT}


@ROI_BOX_HEAD_REGISTRY.register()
class PositionSensitiveHead(nn.Flatten):
    """No layer of its own: each time bin of a region is weighed by the output layers alone.

    R-FCN (Dai et al. 2016) has score maps of each bin by a 1x1 convolution, and a region's score
    is the mean of what each bin's own maps are there. Both are linear, as pooling by averages is:
    the same as one linear layer over all bins of the region's features.
    """

    def __init__(self, cfg, input_shape: ShapeSpec):
        super().__init__()
        size = input_shape.channels * input_shape.height * input_shape.width
        self.output_shape = ShapeSpec(channels=size)


class TimeOutputLayers(FastRCNNOutputLayers):
    """Softmax over K + 1 classes, and two learned deltas for each of the K classes."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        four = self.bbox_pred
        self.bbox_pred = nn.Linear(four.in_features, four.out_features // 2)
        nn.init.normal_(self.bbox_pred.weight, std=0.001)
        nn.init.zeros_(self.bbox_pred.bias)

    def forward(self, x: torch.Tensor):
        """See :meth:`FastRCNNOutputLayers.forward`; the deltas are (R, 4K)."""
        scores, deltas = super().forward(x)
        return scores, deliver_four(deltas)


@ROI_HEADS_REGISTRY.register()
class TimeROIHeads(BatchedBoxHeads):
    """detectron2's box branch on a map that is one row high.

    ``MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION`` is the number of time bins per region.
    """

    @classmethod
    def _init_box_head(cls, cfg, input_shape):
        (name,) = cfg.MODEL.ROI_HEADS.IN_FEATURES
        spec = input_shape[name]
        head = cfg.MODEL.ROI_BOX_HEAD
        bins = head.POOLER_RESOLUTION
        pooler = TimeROIPooler(
            (1, bins), [1.0 / spec.stride], head.POOLER_SAMPLING_RATIO, head.POOLER_TYPE
        )
        box_head = build_box_head(cfg, ShapeSpec(channels=spec.channels, height=1, width=bins))
        return {
            "box_in_features": [name],
            "box_pooler": pooler,
            "box_head": box_head,
            "box_predictor": TimeOutputLayers(cfg, box_head.output_shape),
        }


@ROI_HEADS_REGISTRY.register()
class FullHeightROIHeads(BatchedBoxHeads):
    """detectron2's box branch on two-dimensional maps: RoIAlign over all bands, two deltas."""

    @classmethod
    def _init_box_head(cls, cfg, input_shape):
        parts = super()._init_box_head(cfg, input_shape)
        return {**parts, "box_predictor": TimeOutputLayers(cfg, parts["box_head"].output_shape)}
