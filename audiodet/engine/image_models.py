"""A backbone's start from an image model of detectron2's zoo: a spectrogram is a grey picture."""

import re

import torch
from detectron2.checkpoint.c2_model_loading import align_and_update_state_dicts
from detectron2.config import get_cfg

from audiodet.data.spectrogram import MEAN_GREY
from audiodet.errors import WeightsError

STEM = "stem.conv1.weight"


def init_from_image_model(model, tensors: dict, path: str) -> None:
    """Start a ResNet (with or without its FPN) from a model of detectron2's zoo.

    Names are matched by detectron2's own rules. The first convolution, of three colours, is
    summed over them for a model of one channel.

    Raises:
        WeightsError: the file holds no ResNet of this depth and width.
    """
    expected = {f"backbone.{name}": x for name, x in model.backbone.state_dict().items()}
    stem = next(name for name in expected if name.endswith(STEM))
    tensors = {name: torch.as_tensor(x) for name, x in tensors.items()}
    stems = [name for name, x in tensors.items() if _is_coloured_stem(x, expected[stem])]
    colours = [tensors[name] for name in stems]
    for name in stems:
        tensors[name] = tensors[name].sum(1, keepdim=True)
    caffe2 = "." not in "".join(tensors)  # ImageNet models: "res2_0_branch2a_w"
    matched = align_and_update_state_dicts(expected, tensors, c2_conversion=caffe2)
    fitting = {name: x for name, x in matched.items() if name in expected}
    # ImageNet models have no FPN, and some hold their batch statistics inside the weights.
    optional = re.compile("fpn_|top_block|running_|num_batches_tracked")
    wanted = [name for name in expected if not optional.search(name)]
    missing = sorted(set(wanted) - set(fitting))
    if missing:
        raise WeightsError(
            f"{path}: {len(missing)} of {len(wanted)} tensors of the ResNet are missing or of "
            f"another shape, first {missing[0]} {tuple(expected[missing[0]].shape)} expected"
        )
    tensors = {name.removeprefix("backbone."): x for name, x in fitting.items()}
    model.backbone.load_state_dict(tensors, strict=False)
    if colours and model.clip_input.normalizer.mode == "image":
        shift_mean(model.backbone, stem, colours[0])


def _is_coloured_stem(x: torch.Tensor, stem: torch.Tensor) -> bool:
    """Whether a tensor is a stem's (C, 3, 7, 7) and the model's is (C, 1, 7, 7)."""
    of_stem = x.ndim == 4 and x.shape[1] == 3 and x.shape[2:] == stem.shape[2:]
    return of_stem and stem.shape[1] == 1


@torch.no_grad()
def shift_mean(backbone, stem: str, weights: torch.Tensor) -> None:
    """Make up, in the norm behind the stem, for one grey that is taken from all colours.

    An image model takes each colour's own mean from it.

    Args:
        stem: name of the stem's convolution in the model.
        weights: the image model's, (C, 3, 7, 7).
    """
    name = stem.removeprefix("backbone.").replace("conv1.weight", "conv1.norm.running_mean")
    mean = dict(backbone.named_buffers()).get(name)
    if mean is not None:
        apart = torch.tensor(get_cfg().MODEL.PIXEL_MEAN) - MEAN_GREY
        mean += (weights.sum((2, 3)) @ apart.to(weights)).to(mean)
