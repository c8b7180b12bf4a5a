"""What every system shares at its door: dataset dicts -> a normalised batch of spectrograms."""

from detectron2.structures import ImageList
from torch import nn

from audiodet.data.spectrogram import SpectrogramNormalizer


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
        images = [self.normalizer(x["image"].to(device)) for x in batched_inputs]
        return ImageList.from_tensors(images, self.size_divisibility)

    def groups(self, images: ImageList):
        """Yield (indices, ImageList) of all clips of one length, cut to it, from short to long."""
        if self.lengths(images) is None:
            yield list(range(len(images))), images
            return
        members_of = {}
        for i, (_, frames) in enumerate(images.image_sizes):
            members_of.setdefault(int(frames), []).append(i)
        for frames, members in sorted(members_of.items()):
            padded = frames + -frames % max(1, self.size_divisibility)
            sizes = [images.image_sizes[i] for i in members]
            yield members, ImageList(images.tensor[members, ..., :padded], sizes)

    @staticmethod
    def lengths(images: ImageList):
        """Frames of each clip, or None when all are equal and nothing was padded."""
        frames = [int(size[1]) for size in images.image_sizes]
        return None if len(set(frames)) == 1 else frames
