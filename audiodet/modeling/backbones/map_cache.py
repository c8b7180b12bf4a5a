"""Maps of a frozen network kept on disk, found again by the very spectrogram they came from."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from audiodet.data.cache import read_array
from audiodet.files import atomic_path


class MapCache:
    """Spectrogram -> maps, in half precision; safe for several processes."""

    def __init__(self, folder: str, network: str):
        """
        Args:
            network: names everything but the spectrogram that the maps depend on.
        """
        self.folder, self.network = Path(folder), network

    def path(self, image: torch.Tensor) -> Path:
        """File of a (1, H, T) spectrogram."""
        digest = hashlib.sha1(f"{self.network} {tuple(image.shape)}".encode())
        digest.update(np.ascontiguousarray(image.cpu().numpy()).data)
        name = digest.hexdigest()
        return self.folder / name[:2] / f"{name}.npz"

    def get(self, images: torch.Tensor, compute, lengths: Sequence[int], steps: dict) -> dict:
        """The maps of a batch, each clip's as if it came alone.

        Args:
            images: (N, 1, H, T).
            compute: function of (1, 1, H, T) -> {layer: (1, D, S)}, called for what is missing.
            lengths: frames of each clip, at most T.
            steps: {layer: S} of T frames.

        Returns:
            {layer: (N, D, S)} float32, 0 beyond a clip's end.
        """
        pairs = zip(images, lengths)
        clips = [self._one(image[..., :length], compute) for image, length in pairs]
        maps = {}
        for layer, count in steps.items():
            parts = [F.pad(clip[layer], (0, count - clip[layer].shape[-1])) for clip in clips]
            maps[layer] = torch.stack(parts)
        return maps

    def _one(self, image: torch.Tensor, compute) -> dict:
        path = self.path(image)
        maps = read_array(path, dict)
        if maps is None:
            maps = {str(k): x[0].half().cpu().numpy() for k, x in compute(image[None]).items()}
            with atomic_path(path, durable=False) as temporary:
                np.savez(temporary, **maps)
        return {int(k): torch.from_numpy(x).float().to(image) for k, x in maps.items()}
