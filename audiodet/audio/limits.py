"""What limits a recording that can be read: said once, as a warning, while it is used as it is."""

import numpy as np

from audiodet.audio.notes import tell

FULL_BAND = 32000  # Hz; below, sounds that the models know lose a part of their frequencies
FULL_SCALE = 0.99  # samples that stay alike from here on are cut off
CLIPPED = 10  # such samples that are worth a warning
TOO_LOUD = 10.0  # a peak that no float recording has by accident; full scale is 1
CANCELLED = 0.1  # part of the power that the mean of unrelated channels would have
STEP = 0.1  # seconds in which samples are looked at together for zeros
ZEROS = 1.0  # seconds of zeros that are worth a warning
DATA_POWER = (0.28, 0.39)  # of bytes that are no samples: evenly spread, 1/3 of full scale
DATA_LIKENESS = 0.05  # of neighbouring samples, from -1 to 1, at most


class Limits:
    """Hears the samples of one recording as they are read, and warns at its end.

    Attributes:
        clipped: samples (of any channel) at full scale that are equal to the one before. Lossy
            formats round the plateau that they come from, so that few are found there.
        peak: largest magnitude.
        zeros: seconds in stretches of zeros in all channels.
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
        self.peak = 0.0
        self.zeros = 0.0
        self._silence = 0.0  # seconds of the stretch of zeros that goes on
        self._samples = 0  # of all channels
        self._channels = 1
        self._power = 0.0  # sum of the squares of all samples
        self._mono = 0.0  # of the mean of the channels, and what it would be of unrelated ones
        self._unrelated = 0.0
        self._likeness = 0.0  # sum of the products of neighbours
        self._told = set()

    def hear(self, samples: np.ndarray) -> None:
        """The next samples (frames,) or (frames, channels), as the recording has them."""
        samples = samples.reshape(len(samples), -1)
        self._channels = samples.shape[1]
        loud = np.abs(samples)
        same = (samples[1:] == samples[:-1]) & (loud[1:] >= FULL_SCALE)
        self.clipped += int(np.count_nonzero(same))
        self.peak = max(self.peak, float(loud.max(initial=0)))
        flat = samples.ravel()
        self._samples += len(flat)
        power = float(np.vdot(flat, flat))
        self._power += power
        self._likeness += float(np.vdot(flat[self._channels :], flat[: -self._channels]))
        mono = samples.mean(axis=1) if self._channels > 1 else flat
        self._mono += float(np.vdot(mono, mono)) if self._channels > 1 else power
        self._unrelated += power / self._channels**2
        if len(flat):
            self._hear_zeros(loud.ravel())

    def _hear_zeros(self, loud: np.ndarray) -> None:
        """Count seconds of zeros in magnitudes, all channels together."""
        step = max(1, round(STEP * self.source_rate)) * self._channels
        starts = np.arange(0, len(loud), step)
        lengths = np.diff(starts, append=len(loud)) / (self._channels * self.source_rate)
        for peak, seconds in zip(np.maximum.reduceat(loud, starts), lengths):
            if peak == 0:
                self._silence += seconds
                continue
            if self._silence >= ZEROS:
                self.zeros += self._silence
            self._silence = 0.0

    def found(self) -> dict[str, str]:
        """What limits the recording: kind -> what was found, and what was expected."""
        found = {}
        if self.source_rate < min(FULL_BAND, self.rate):
            found["are sampled at a low rate"] = (
                f"sampled at {self.source_rate} Hz, expected at least {FULL_BAND} Hz; the band "
                f"above {self.source_rate / 2:g} Hz is missing, and sounds may be missed"
            )
        if self.peak > TOO_LOUD:
            found["hold samples beyond full scale"] = (
                f"samples up to {self.peak:g}, expected -1 to 1; numbers in the scale of integers "
                "want to be divided by their full scale (32768 for 16 bits)"
            )
        elif self.clipped >= CLIPPED:
            found["are clipped"] = (
                f"clipped, {self.clipped} samples stay at full scale, expected a lower level; "
                "onsets and scores may be wrong"
            )
        zeros = self.zeros + (self._silence if self._silence >= ZEROS else 0.0)
        if zeros:
            found["hold stretches of zeros"] = (
                f"{zeros:.1f} s of nothing but zeros, expected sound; a microphone or channel may "
                "have failed"
            )
        found |= self._of_channels()
        return found

    def _of_channels(self) -> dict[str, str]:
        """Channels that cancel, and samples that are none."""
        power = self._power / max(1, self._samples)
        if self._mono < CANCELLED * self._unrelated:
            share = self._mono / self._unrelated
            return {
                "have channels that cancel": (
                    f"the mean of its {self._channels} channels has {share:.1%} of the power that "
                    "it should: they cancel, one may be inverted; expected one of them alone"
                )
            }
        likeness = abs(self._likeness) / max(self._power, 1e-30)
        if DATA_POWER[0] < power < DATA_POWER[1] and likeness < DATA_LIKENESS:
            return {
                "sound like data": (
                    "samples like dice at full scale, expected sound; they may be compressed or "
                    "of another sample format"
                )
            }
        return {}

    def warn(self) -> None:
        """Log what limits the recording and was not said before."""
        for kind, text in self.found().items():
            if kind not in self._told:
                self._told.add(kind)
                tell(self.name, kind, text)
