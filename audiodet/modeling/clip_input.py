"""What every system shares at its door: dataset dicts -> a normalised batch of spectrograms."""

import torch
from detectron2.structures import ImageList
from torch import nn

from audiodet.data.spectrogram import SpectrogramNormalizer
from audiodet.modeling.intervals import send


def equally_long(lengths) -> list[tuple[int, list[int]]]:
    """(length, indices of the clips that have it), from short to long."""
    groups = {}
    for i, length in enumerate(lengths):
        groups.setdefault(length, []).append(i)
    return sorted(groups.items())


class ClipInput(nn.Module):
    """Normalises log-mels and pads them to one length.

    Zero follows a shorter clip's end: the mean, or the minimum, after normalising.
    """

    def __init__(self, mode: str, n_mels: int, size_divisibility: int = 0):
        super().__init__()
        self.normalizer = SpectrogramNormalizer(mode, n_mels)
        self.size_divisibility = size_divisibility

    @classmethod
    def from_config(cls, cfg, size_divisibility: int = 0) -> "ClipInput":
        spec = cfg.INPUT.SPECTROGRAM
        return cls(spec.NORMALIZE, spec.N_MELS, size_divisibility)

    def forward(self, batched_inputs, device) -> ImageList:
        """Dicts with "image" (1, H, T), un-normalised log-mels -> ImageList (N, 1, H, max T)."""
        images = [x["image"] for x in batched_inputs]
        sizes = [tuple(image.shape[-2:]) for image in images]
        if len(set(sizes)) > 1:
            images = [self.normalizer(send(image, device)) for image in images]
            return ImageList.from_tensors(images, self.size_divisibility)
        batch = self.normalizer(send(torch.stack(images), device))
        bands, frames = [-size % max(1, self.size_divisibility) for size in sizes[0]]
        if bands or frames:
            batch = nn.functional.pad(batch, (0, frames, 0, bands))
        return ImageList(batch, sizes)

    def groups(self, images: ImageList):
        """Yield (indices, ImageList) of all clips of one length, cut to it, from short to long."""
        if self.lengths(images) is None:
            yield list(range(len(images))), images
            return
        for frames, members in equally_long(int(size[1]) for size in images.image_sizes):
            padded = frames + -frames % max(1, self.size_divisibility)
            sizes = [images.image_sizes[i] for i in members]
            yield members, ImageList(images.tensor[members, ..., :padded], sizes)

    @staticmethod
    def lengths(images: ImageList):
        """Frames of each clip, or None when all are equal and nothing was padded."""
        frames = [int(size[1]) for size in images.image_sizes]
        return None if len(set(frames)) == 1 else frames
