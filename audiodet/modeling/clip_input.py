"""What every system shares at its door: dataset dicts -> a normalised batch of spectrograms."""

import math

import torch
from detectron2.structures import ImageList
from torch import nn
from torch.nn import functional as F

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

    def __init__(
        self, mode: str, n_mels: int, size_divisibility: int = 0, shortest: int = 0, silence=0.0
    ):
        """
        Args:
            shortest: frames up to which a log-mel is filled with ``silence`` before normalising.
        """
        super().__init__()
        self.normalizer = SpectrogramNormalizer(mode, n_mels)
        self.size_divisibility = size_divisibility
        self.shortest = shortest
        self.silence = silence

    @classmethod
    def from_config(cls, cfg, size_divisibility: int = 0) -> "ClipInput":
        spec = cfg.INPUT.SPECTROGRAM
        shortest = 0
        if spec.PAD_SECONDS:
            shortest = 1 + int(spec.PAD_SECONDS * cfg.INPUT.AUDIO.SAMPLE_RATE) // spec.HOP
        silence = math.log(spec.FLOOR)
        return cls(spec.NORMALIZE, spec.N_MELS, size_divisibility, shortest, silence)

    def forward(self, batched_inputs, device) -> ImageList:
        """Dicts with "image" (1, H, T), un-normalised log-mels -> ImageList (N, 1, H, max T)."""
        images = [self._filled(x["image"]) for x in batched_inputs]
        sizes = [tuple(image.shape[-2:]) for image in images]
        if len(set(sizes)) > 1:
            images = [self.normalizer(send(image, device)) for image in images]
            return ImageList.from_tensors(images, self.size_divisibility)
        batch = self.normalizer(send(torch.stack(images), device))
        bands, frames = [-size % max(1, self.size_divisibility) for size in sizes[0]]
        if bands or frames:
            batch = F.pad(batch, (0, frames, 0, bands))
        return ImageList(batch, sizes)

    def _filled(self, image):
        return F.pad(image, (0, max(0, self.shortest - image.shape[-1])), value=self.silence)

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
