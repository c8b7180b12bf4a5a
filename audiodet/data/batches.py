"""A batch on its way from a loader's process: one tensor instead of one a clip and field.

Each tensor that travels between processes costs the receiver some 0.2 ms, which adds up.
"""

import torch
from detectron2.structures import Boxes, Instances


class Batch(list):
    """Mapped clips (dicts); pickled, their images are one tensor and all else is copied."""

    def __reduce__(self):
        images = [clip["image"] for clip in self]
        if len({image.shape for image in images}) == 1:
            images = torch.stack(images)
        rest = [{key: _pack(value) for key, value in clip.items()} for clip in self]
        for clip in rest:
            del clip["image"]
        return _unpack_batch, (images, rest)


def _unpack_batch(images, rest: list) -> Batch:
    batch = Batch()
    for image, clip in zip(images, rest):
        batch.append({key: _unpack(value) for key, value in clip.items()} | {"image": image})
    return batch


class _Packed:
    """A tensor, Boxes or Instances by value: what makes it again."""

    def __init__(self, make, arguments=(), fields=()):
        self.make = make
        self.arguments = arguments
        self.fields = dict(fields)


def _pack(value):
    if isinstance(value, torch.Tensor):
        return _Packed(torch.from_numpy, (value.numpy(),))
    if isinstance(value, Boxes):
        return _Packed(Boxes, fields={"tensor": _pack(value.tensor)})
    if isinstance(value, Instances):
        fields = {name: _pack(field) for name, field in value.get_fields().items()}
        return _Packed(Instances, (value.image_size,), fields)
    return value


def _unpack(value):
    if not isinstance(value, _Packed):
        return value
    fields = {name: _unpack(field) for name, field in value.fields.items()}
    return value.make(*value.arguments, **fields)
