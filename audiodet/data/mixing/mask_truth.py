"""What of a mixture is event and what is scene, bin by bin: the truth of masks.

Shape shorthand: H mel bands, T frames.
"""

from typing import NamedTuple

import numpy as np
import soundfile as sf
import torch

from audiodet.audio.io import as_mono
from audiodet.data.mixing.rendering import render_apart
from audiodet.errors import DataError

# An event's bin is at most this far below the scene, in the code of Kong et al. 2019.
BINARY_DB = -5.0


class MixtureMels(NamedTuple):
    """Mel magnitudes (or power, as the front end has it) of a mixture's parts, each (H, T)."""

    events: np.ndarray
    scene: np.ndarray


def mixture_mels(clip: dict, log_mel) -> MixtureMels:
    """The parts of a clip whose recipe is known, or whose file keeps them in two channels.

    Args:
        clip: dataset dict, with "recipe" and "soundbank", or with "parts" "channels": the first
            channel of the file holds the events, the second the scene.
        log_mel: the front end.

    Raises:
        DataError: the clip's parts are not known.
    """
    rate = log_mel.sample_rate
    if "recipe" in clip:
        events, scene = render_apart(clip["recipe"], clip["soundbank"], rate)
    elif clip.get("parts") == "channels":
        samples, file_rate = sf.read(clip["file_name"], dtype="float32", always_2d=True)
        if samples.shape[1] != 2:
            raise DataError(
                f"{clip['file_name']}: {samples.shape[1]} channels, expected 2: events and scene"
            )
        events = as_mono(samples[:, 0], file_rate, rate, clip["file_name"])
        scene = as_mono(samples[:, 1], file_rate, rate, clip["file_name"])
    else:
        raise DataError(
            f"{clip['file_name']}: events and scene are not known apart, expected a mixture that "
            "is rendered from a recipe or keeps its parts in two channels"
        )
    mels = [log_mel.mel_power(torch.from_numpy(part)).numpy() for part in (events, scene)]
    return MixtureMels(*mels)


def binary_mask(parts: MixtureMels, power: int = 1) -> np.ndarray:
    """(H, T) bins where the events are louder than 5 dB below the scene; ``parts`` are magnitudes
    to the ``power``.
    """
    return parts.events > 10 ** (power * BINARY_DB / 20) * parts.scene


def ratio_mask(parts: MixtureMels, power: int = 1) -> np.ndarray:
    """(H, T) share of the events' magnitude in the sum of both."""
    events = parts.events ** (1 / power)
    scene = parts.scene ** (1 / power)
    return events / np.maximum(events + scene, 1e-20)
