"""Sound and picture of an event: a short clip, and a grey strip of its log-mel spectrogram."""

import io
import struct
import zlib
from functools import cache
from typing import NamedTuple

import numpy as np
import soundfile as sf

from audiodet.audio.io import audio_info, read_audio
from audiodet.audio.mel import TICKS_HZ, log_mel, mel_filters, mel_positions
from audiodet.inference.curves import ScoreCurves

SECONDS = 5.0  # of a clip, more where the event is longer
LONGEST = 20.0
MARGIN = 1.0  # seconds beside an event of more than 3 s, or one in another's clip
HIGHEST_RATE = 48000  # Hz that a browser is sure to play
BANDS = 80
FRAMES_PER_SECOND = 100
GREYS = 48
CURVE = 100  # values of a score curve
PEAK = 0.9


class Scale(NamedTuple):
    """The frequency axis of strips: places of some frequencies, from 0 (low) to 1."""

    low_hz: float
    high_hz: float

    def place(self, hz: float) -> float:
        """Where a frequency lies, from 0 (low) to 1."""
        (position,) = mel_positions([hz], BANDS, self.low_hz, self.high_hz)
        return float(np.clip((position + 0.5) / BANDS, 0, 1))

    def ticks(self) -> list[tuple[int, float]]:
        """(Hz, place) of frequencies that stand apart."""
        ticks = []
        for hz in TICKS_HZ:
            place = self.place(hz)
            if 0.02 < place < 0.95 and (not ticks or place - ticks[-1][1] > 0.15):
                ticks.append((hz, round(place, 4)))
        return ticks


def part_around(onset: float, offset: float, duration: float) -> tuple[float, float]:
    """(start, seconds) of the clip of an event, inside the recording."""
    length = min(max(SECONDS, offset - onset + 2 * MARGIN), LONGEST, duration)
    centre = (onset + offset) / 2
    if offset - onset > length:
        centre = onset - MARGIN + length / 2
    start = min(max(centre - length / 2, 0.0), duration - length)
    return start, length


def holds(part: tuple, own: tuple, onset: float, offset: float, duration: float) -> bool:
    """Whether an event may do with a part (start, seconds) that is another's, instead of its own.

    A second beside it is heard, and the part is hardly longer.
    """
    start, seconds = part
    before = start <= max(0.0, onset - MARGIN)
    after = start + seconds >= min(duration, offset + MARGIN)
    return before and after and seconds <= 1.5 * own[1]


def read_part(path: str, start: float, seconds: float) -> tuple[np.ndarray, int]:
    """Mono samples of a part of a recording and their rate, one that browsers play.

    Raises:
        AudioError: see :func:`~audiodet.audio.io.read_audio`.
    """
    rate = min(audio_info(path).sample_rate, HIGHEST_RATE)
    return read_audio(path, rate, start, seconds), rate


def sound_suffix() -> str:
    """Of the most compact kind of clip that can be written here."""
    return ".ogg" if "VORBIS" in sf.available_subtypes("OGG") else ".wav"


def encode_sound(samples: np.ndarray, rate: int, suffix: str) -> bytes:
    """A clip as the bytes of a file, loud enough to be heard: its peak is at 0.9."""
    loudest = np.abs(samples).max(initial=0)
    samples = samples * (PEAK / loudest) if loudest > 0 else samples
    file = io.BytesIO()
    kind = {"format": "OGG", "subtype": "VORBIS"} if suffix == ".ogg" else {"format": "WAV"}
    with sf.SoundFile(file, "w", rate, 1, **kind) as sound:
        for block in np.array_split(samples, 1 + len(samples) // rate):
            sound.write(block)  # libsndfile's Vorbis takes a second at a time
    return file.getvalue()


def encode_strip(samples: np.ndarray, rate: int) -> bytes:
    """The log-mel spectrogram as a PNG, dark on white, 80 rows and 100 columns a second."""
    n_fft, hop, f_min, filters = _bank(rate)
    frames = log_mel(samples, rate, n_fft, hop, filters)
    frames = frames[:, : max(1, len(samples) // hop)]  # the last is centred on the end
    low, high = np.percentile(frames, [25, 99.7])
    darkness = np.clip((frames - low) / max(high - low, 3.0), 0, 1)
    greys = np.round((1 - darkness) * (GREYS - 1)) * (255 / (GREYS - 1))
    return png(greys[::-1].astype(np.uint8))


def png(greys: np.ndarray) -> bytes:
    """A picture of (rows, columns) uint8 as the bytes of a PNG."""
    rows, columns = greys.shape
    lines = np.pad(greys, ((0, 0), (1, 0)))  # each begins with its filter: none
    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 2)), (b"IEND", b""))
    picture = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks:
        check = struct.pack(">I", zlib.crc32(kind + data))
        picture += struct.pack(">I", len(data)) + kind + data + check
    return picture


def sampled(curves: ScoreCurves, start: float, seconds: float) -> dict[str, list[int]]:
    """Score curves of a part of a recording: 100 values in percent, of labels that rise above 2."""
    times = start + (np.arange(CURVE) + 0.5) * seconds / CURVE
    steps = np.searchsorted(curves.edges, times, side="right") - 1
    values = curves.scores[np.clip(steps, 0, len(curves.scores) - 1)]
    percent = np.round(100 * values).astype(int)
    heard = {}
    for label, column in zip(curves.labels, percent.T):
        if column.max() > 2:
            heard[label] = column.tolist()
    return heard


def scale_of(rate: int) -> Scale:
    """The frequency axis of a strip of sound at this rate."""
    return Scale(_bank(rate)[2], rate / 2)


@cache
def _bank(rate: int) -> tuple[int, int, float, np.ndarray]:
    """FFT, hop, lowest frequency and mel filters of a strip."""
    n_fft = 1 << round(np.log2(0.04 * rate))  # about 40 ms, fine enough for the lowest bands
    low = min(50.0, rate / 8)
    hop = max(1, rate // FRAMES_PER_SECOND)
    return n_fft, hop, low, mel_filters(rate, n_fft, BANDS, low, rate / 2)
