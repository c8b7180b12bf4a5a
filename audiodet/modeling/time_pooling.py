"""Features of the regions of a whole batch, whose edges are float32 whatever the maps are.

Shape shorthand: N clips, P regions of a clip, R = N P, C channels, S time steps.
"""

import math

import torch
from detectron2.layers import ROIAlign, nonzero_tuple
from detectron2.modeling.poolers import ROIPooler
from detectron2.structures import Boxes


def full_height(times: torch.Tensor, height: float) -> torch.Tensor:
    """(..., 2) -> boxes (..., 4) over all bands."""
    onset, offset = times.unbind(-1)
    zero = torch.zeros_like(onset)
    return torch.stack((onset, zero, offset, zero + height), dim=-1)


class TimeROIPooler(ROIPooler):
    """Pools the single row of a map whose frequency axis is collapsed."""

    def forward(self, x: list[torch.Tensor], box_lists: list[Boxes]):
        """See :meth:`ROIPooler.forward`; a box's y, in mel bands, means nothing here."""
        row = x[0].new_tensor([0.0, 0.0, 0.0, 2.0**self.min_level])  # y from 0 to one row
        time = x[0].new_tensor([1.0, 0.0, 1.0, 0.0])
        return super().forward(x, [Boxes(boxes.tensor * time + row) for boxes in box_lists])


def pool(pooler: ROIPooler, maps, times: torch.Tensor, height: float) -> torch.Tensor:
    """Regions (N, P, 2) in frames of maps [(N, C, B, S)] of so many bands -> (R, C, ...).

    See :meth:`ROIPooler.forward`, whose edges are of the maps' precision.
    """
    maps = [x.float() for x in maps]
    layer = pooler.level_poolers[0]
    if isinstance(pooler, TimeROIPooler):
        if isinstance(layer, ROIAlign) and layer.aligned:
            bins = layer.output_size[1]
            return pool_row(maps[0], times * layer.spatial_scale, bins, layer.sampling_ratio)
        height = 2.0**pooler.min_level
    regions = full_height(times, height)
    clips = torch.arange(len(times), device=times.device, dtype=regions.dtype)
    clips = clips[:, None, None].expand(-1, times.shape[1], 1)
    regions = torch.cat((clips, regions), dim=-1).flatten(0, 1)
    if len(maps) == 1:
        return layer(maps[0], regions)
    size = ((times[..., 1] - times[..., 0]) * height).flatten().sqrt()
    level = pooler.canonical_level + torch.log2(size / pooler.canonical_box_size + 1e-8)
    level = level.floor().clamp(pooler.min_level, pooler.max_level) - pooler.min_level
    pooled = maps[0].new_zeros(len(regions), maps[0].shape[1], *pooler.output_size)
    for i, (x, layer) in enumerate(zip(maps, pooler.level_poolers)):
        chosen = nonzero_tuple(level == i)[0]
        pooled.index_put_((chosen,), layer(x, regions[chosen]))
    return pooled


def pool_row(row: torch.Tensor, times: torch.Tensor, bins: int, ratio: int) -> torch.Tensor:
    """RoIAlign of a map that is one row high, as one matrix product: each bin weighs the steps.

    Args:
        row: (N, C, 1, S).
        times: (N, P, 2) in steps, step i from i to i + 1.
        ratio: samples of a bin; 0 for one a step.

    Returns:
        (R, C, 1, bins), as ``torchvision.ops.roi_align`` with ``aligned``.
    """
    steps = row.shape[-1]
    most = ratio or math.ceil((steps + 2) / bins)  # a region may reach a step beyond the map
    width = (times[..., 1] - times[..., 0])[..., None, None]  # (N, P, 1, 1)
    count = torch.full_like(width, ratio) if ratio else (width / bins).ceil().clamp(min=1)
    number = torch.arange(most, device=row.device)
    places = (number + 0.5) / count + torch.arange(bins, device=row.device)[:, None]
    places = times[..., :1, None] - 0.5 + places * (width / bins)  # (N, P, bins, most)
    share = ((number < count) & (places >= -1) & (places <= steps)) / count
    if not ratio:
        share = share * (width > 0)
    places = places.clamp(0, steps - 1)
    low = places.floor()
    share_of_next = share * (places - low)
    low = low.long().flatten(1, 2)
    weights = row.new_zeros(len(row), low.shape[1], steps)
    weights.scatter_add_(2, low, (share - share_of_next).flatten(1, 2))
    weights.scatter_add_(2, (low + 1).clamp(max=steps - 1), share_of_next.flatten(1, 2))
    with torch.autocast(row.device.type, enabled=False):
        pooled = torch.bmm(weights, row[:, :, 0].mT)  # (N, P bins, C)
    return pooled.unflatten(1, (-1, bins)).flatten(0, 1).mT[:, :, None]
