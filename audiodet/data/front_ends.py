"""Front ends of networks trained on AudioSet, which only work with the very spectrograms they know.

EfficientAT (Schmid et al. 2023): pre-emphasis, Kaldi's mel scale, an affine map after the
logarithm. YAMNet (TensorFlow's model garden): magnitudes in HTK's mel bands.
"""

import math

import torch
from torch import nn

from audiodet.data.spectrogram import LogMel
from audiodet.errors import ConfigError

PRE_EMPHASIS = 0.97
SHIFT, SCALE = 4.5, 5.0  # EfficientAT's (log-mel + 4.5) / 5
# White noise under every clip, relative to its level, for heads that learned from mixtures: they do
# not know a band without any sound, as above half of a low sample rate.
NOISE_DB = -40.0
SILENCE = 1e-6  # RMS under which a clip is not made louder: digital silence stays silence
# What each network was trained with: sample rate, FFT, hop, mel bands, edges of the bank in Hz.
SETTINGS = {
    "efficientat": (32000, 1024, 320, 128, 0.0, 15000.0),
    "efficientat_published": (32000, 1024, 320, 128, 0.0, 15000.0),
    "yamnet": (16000, 512, 160, 64, 125.0, 7500.0),
}


def hz_to_kaldi_mel(hz):
    """Frequency in Hz (number or tensor) -> mel; Kaldi's constants, HTK's differ by 1e-4."""
    return 1127.0 * torch.log1p(torch.as_tensor(hz, dtype=torch.float64) / 700.0)


def triangles(sample_rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float):
    """Triangles of height 1 on the mel axis, (H, n_fft // 2 + 1); the last FFT bin has none.

    They are the same in HTK's mel, which is a multiple of Kaldi's.
    """
    edges = torch.linspace(
        float(hz_to_kaldi_mel(f_min)),
        float(hz_to_kaldi_mel(f_max)),
        n_mels + 2,
        dtype=torch.float64,
    )
    bins = hz_to_kaldi_mel(torch.arange(n_fft // 2, dtype=torch.float64) * sample_rate / n_fft)
    left, centre, right = (part[:, None] for part in (edges[:-2], edges[1:-1], edges[2:]))
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    weights = torch.minimum(rising, falling).clamp(min=0)
    return nn.functional.pad(weights, (0, 1)).float()


def bring_to_level(waveform: torch.Tensor, level: float) -> torch.Tensor:
    """(..., samples) -> the same with an RMS of ``level``; silence and level 0 stay as they are."""
    if not level:
        return waveform
    rms = waveform.square().mean(-1, keepdim=True).sqrt()
    return torch.where(rms > SILENCE, waveform * (level / rms.clamp(min=SILENCE)), waveform)


class PretrainedFrontEnd(LogMel):
    """A level, triangles in mel, and a window that the FFT is longer than."""

    name = ""
    window_length = 0

    def __init__(self, level: float, hop: int = 0):
        """
        Args:
            level: RMS that every clip is brought to.
            hop: in samples; 0 for the network's. With a shorter one it hears sounds slowed down,
                at their own pitch, and its time steps are as much finer.
        """
        rate, n_fft, own_hop, n_mels, f_min, f_max = SETTINGS[self.name]
        super().__init__(rate, n_fft, hop or own_hop, n_mels, f_min, f_max)
        self.level = level
        filters = triangles(rate, n_fft, n_mels, f_min, f_max)
        self.bins = int(filters.any(dim=0).nonzero().max()) + 1
        self.register_buffer("filters", filters[:, : self.bins].contiguous(), persistent=False)

    def band_edges(self) -> list[float]:
        low, high = float(hz_to_kaldi_mel(self.f_min)), float(hz_to_kaldi_mel(self.f_max))
        places = (torch.arange(self.n_mels + 1).double() + 0.5) / (self.n_mels + 1)
        return (700.0 * torch.expm1((low + (high - low) * places) / 1127.0)).tolist()


class PublishedEfficientATFrontEnd(PretrainedFrontEnd):
    """(N, samples) at 32 kHz -> (N, 128, T), T = 1 + (samples - 1) // 320, frame t at 10 t ms."""

    name = "efficientat_published"
    window_length = 800
    noise_db = -math.inf

    def __init__(self, level: float, hop: int = 0):
        super().__init__(level, hop)
        window = torch.hann_window(self.window_length, periodic=False)
        side = (self.n_fft - self.window_length) // 2
        self.register_buffer("window", nn.functional.pad(window, (side, side)), persistent=False)
        self.register_buffer("floor_power", 1e-5 + self.noise_power(), persistent=False)

    def noise_power(self) -> torch.Tensor:
        """Mean power of the noise in each band, (128, 1); it is added, not drawn."""
        turn = torch.arange(self.bins) * (2 * math.pi / self.n_fft)
        emphasis = 1 + PRE_EMPHASIS**2 - 2 * PRE_EMPHASIS * turn.cos()
        variance = (self.level * 10 ** (self.noise_db / 20)) ** 2
        return variance * self.window.square().sum() * (self.filters @ emphasis)[:, None]

    def mel_power(self, waveform: torch.Tensor) -> torch.Tensor:
        waveform = bring_to_level(waveform, self.level)
        emphasised = waveform[..., 1:] - PRE_EMPHASIS * waveform[..., :-1]
        batch = emphasised.reshape(-1, 1, emphasised.shape[-1])
        half = self.n_fft // 2
        padded = nn.functional.pad(batch, (half, half), mode="reflect")
        return self.framed_power(padded.reshape(*emphasised.shape[:-1], -1))

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(..., samples) -> (..., 128, T)."""
        return (self.mel_power(waveform) + self.floor_power).log().add_(SHIFT).div_(SCALE)


class EfficientATFrontEnd(PublishedEfficientATFrontEnd):
    """The same with faint noise under every clip, see NOISE_DB."""

    name = "efficientat"
    noise_db = NOISE_DB


class YAMNetFrontEnd(PretrainedFrontEnd):
    """(N, samples) at 16 kHz -> (N, 64, T), T = 1 + (samples - 400) // 160.

    Frame t begins at 10 t ms and lasts 25 ms; the FFT is longer than it.
    """

    name = "yamnet"
    window_length = 400

    def __init__(self, level: float, hop: int = 0):
        super().__init__(level, hop)
        window = torch.hann_window(self.window_length)
        behind = self.n_fft - self.window_length
        self.register_buffer("window", nn.functional.pad(window, (0, behind)), persistent=False)
        self.centre = False
        self.power = 1

    def mel_power(self, waveform: torch.Tensor) -> torch.Tensor:
        """See :meth:`LogMel.mel_power`; magnitudes."""
        waveform = bring_to_level(waveform, self.level)
        behind = self.n_fft - self.window_length
        return self.framed_power(nn.functional.pad(waveform, (0, behind)))

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(..., samples) -> (..., 64, T)."""
        return (self.mel_power(waveform) + 1e-3).log()


class Waveform(LogMel):
    """No spectrogram: the samples are one band, and each is a frame.

    For models whose members have front ends of their own.
    """

    def __init__(self, sample_rate: int, shortest: int, f_min: float, f_max: float):
        """
        Args:
            shortest: samples that a clip needs.
            f_min, f_max: of what is heard, in Hz.
        """
        nn.Module.__init__(self)
        self.sample_rate = sample_rate
        self.n_fft = shortest
        self.hop = self.n_mels = 1
        self.f_min = f_min
        self.f_max = f_max

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(..., samples) -> (..., 1, samples)."""
        return waveform[..., None, :]

    def band_edges(self) -> list[float]:
        return [self.f_min, self.f_max]


KINDS = (EfficientATFrontEnd, PublishedEfficientATFrontEnd, YAMNetFrontEnd)
FRONT_ENDS = {kind.name: kind for kind in KINDS}


def build_front_end(cfg) -> LogMel:
    """The front end that ``INPUT.FRONT_END`` names.

    Raises:
        ConfigError: no such front end, or ``INPUT.AUDIO`` and ``INPUT.SPECTROGRAM`` are not those
            that its network was trained with.
    """
    name, spec = cfg.INPUT.FRONT_END, cfg.INPUT.SPECTROGRAM
    if name == "waveform":
        return Waveform(cfg.INPUT.AUDIO.SAMPLE_RATE, spec.N_FFT, spec.F_MIN, spec.F_MAX)
    if name not in FRONT_ENDS:
        raise ConfigError(
            f"INPUT.FRONT_END is {name!r}, expected 'log_mel', {', '.join(map(repr, FRONT_ENDS))}"
        )
    keys = ("AUDIO.SAMPLE_RATE", *(f"SPECTROGRAM.{k}" for k in ("N_FFT", "HOP", "N_MELS")))
    keys += ("SPECTROGRAM.F_MIN", "SPECTROGRAM.F_MAX")
    found = (cfg.INPUT.AUDIO.SAMPLE_RATE, spec.N_FFT, spec.HOP, spec.N_MELS, spec.F_MIN, spec.F_MAX)
    for key, value, expected in zip(keys, found, SETTINGS[name]):
        is_finer = key == "SPECTROGRAM.HOP" and 0 < value < expected
        if not is_finer and not math.isclose(value, expected):
            or_less = " or less" if key == "SPECTROGRAM.HOP" else ""
            raise ConfigError(
                f"INPUT.{key} is {value}, expected {expected}{or_less} of the front end {name!r}"
            )
    return FRONT_ENDS[name](cfg.INPUT.LEVEL, spec.HOP)
