"""The network's input dicts from samples: one window, or many at once where the network is."""

import copy
from collections.abc import Sequence
from functools import lru_cache

import torch

from audiodet.data.spectrogram import LogMel
from audiodet.modeling.clip_input import equally_long


def model_input(image: torch.Tensor, samples: int, log_mel: LogMel) -> dict:
    """The input dict of one log-mel (H, T) of so many samples."""
    return {
        "image": image[None],
        "height": 1,
        "width": image.shape[-1] * log_mel.seconds_per_frame,
        "duration": samples / log_mel.sample_rate,
    }


def features_on(log_mel: LogMel, waves: Sequence[torch.Tensor], device) -> list[dict]:
    """Input dicts of waves (samples,), on a device; those of one length are one batch."""
    front_end = _moved(log_mel, device)
    inputs = [None] * len(waves)
    for samples, members in equally_long(map(len, waves)):
        pinned = torch.device(device).type == "cuda"
        batch = torch.empty(len(members), samples, pin_memory=pinned)
        torch.stack([waves[i] for i in members], out=batch)
        images = front_end(batch.to(device, non_blocking=pinned))
        for i, image in zip(members, images):
            inputs[i] = model_input(image, samples, log_mel)
    return inputs


@lru_cache(maxsize=4)
def _moved(log_mel: LogMel, device) -> LogMel:
    return copy.deepcopy(log_mel).to(device)
