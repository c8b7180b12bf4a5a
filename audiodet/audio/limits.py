"""What limits a recording that can be read: said once, as a warning, while it is used as it is."""

import logging

import numpy as np

logger = logging.getLogger(__name__)
FULL_BAND = 32000  # Hz; below, sounds that the models know lose a part of their frequencies
FULL_SCALE = 0.99  # samples that stay alike from here on are cut off
CLIPPED = 10  # such samples that are worth a warning


class Limits:
    """Hears the samples of one recording as they are read, and warns at its end.

    Attributes:
        clipped: samples (of any channel) at full scale that are equal to the one before. Lossy
            formats round the plateau that they come from, so that few are found there.
    """

    def __init__(self, name: str, source_rate: int, rate: int):
        """
        Args:
            name: of the recording, for the warnings.
            source_rate: its sample rate, in Hz.
            rate: the model's.
        """
        self.name = name
        self.source_rate = source_rate
        self.rate = rate
        self.clipped = 0

    def hear(self, samples: np.ndarray) -> None:
        """The next samples (frames,) or (frames, channels), as the recording has them."""
        same = (samples[1:] == samples[:-1]) & (np.abs(samples[1:]) >= FULL_SCALE)
        self.clipped += int(np.count_nonzero(same))

    def warn(self) -> None:
        """Log what limits the recording."""
        if self.source_rate < min(FULL_BAND, self.rate):
            logger.warning(
                f"{self.name}: sampled at {self.source_rate} Hz, expected at least {FULL_BAND} Hz; "
                f"the band above {self.source_rate / 2:g} Hz is missing, and sounds may be missed"
            )
        if self.clipped >= CLIPPED:
            logger.warning(
                f"{self.name}: clipped, {self.clipped} samples stay at full scale, expected a "
                "lower level; onsets and scores may be wrong"
            )
