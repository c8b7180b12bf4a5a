"""Waveform -> log-mel spectrogram, and its normalisation, as torch modules.

Shape shorthand: N clips, H mel bands, T frames.
"""

import torch
from torch import nn

from audiodet.audio.mel import hz_to_mel, mel_filters, mel_to_hz
from audiodet.audio.samples import check_length
from audiodet.errors import ConfigError

MEAN_GREY = 114.495  # mean of the PIXEL_MEAN of detectron2's image models; their PIXEL_STD is 1
WINDOWS = {
    "hann": torch.hann_window,
    "hamming": lambda n_fft: torch.hamming_window(n_fft, periodic=False),
}


class LogMel(nn.Module):
    """Natural logarithm of mel-band power: (N, samples) or (samples,) -> (N, H, T) or (H, T).

    Frame t is centred on sample t * hop (zeros beyond the clip), so T = 1 + samples // hop. With
    ``centre`` False it begins there, and T = 1 + (samples - n_fft) // hop.

    Args:
        sample_rate: in Hz.
        n_fft, hop: window and hop, in samples.
        n_mels: number of mel bands H.
        f_min, f_max: edges of the mel bank, in Hz; f_max 0 is half the sample rate.
        floor: mel power below it is raised to it, so silence gives log(floor).
        window: "hann" (periodic) or "hamming" (symmetric).
        centre: whether frames are centred on multiples of the hop.
        power: of the magnitudes that the mel bank sums: 2 or 1.
        floor_added: the floor is added to all mel power instead.
    """

    def __init__(
        self,
        sample_rate: int,
        n_fft: int,
        hop: int,
        n_mels: int,
        f_min: float = 0.0,
        f_max: float = 0.0,
        floor: float = 1e-10,
        *,
        window: str = "hann",
        centre: bool = True,
        power: int = 2,
        floor_added: bool = False,
    ):
        """See the class; ConfigError names edges, window or power that there are not."""
        super().__init__()
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop = hop
        self.n_mels = n_mels
        self.f_min = f_min
        self.f_max = f_max or sample_rate / 2
        self.floor = floor
        self.centre = centre
        self.power = power
        self.floor_added = floor_added
        self._check(window)
        filters = torch.from_numpy(mel_filters(sample_rate, n_fft, n_mels, f_min, self.f_max))
        # Highest bin that any filter weighs: bins above it are not multiplied.
        self.bins = int(filters.any(dim=0).nonzero().max()) + 1
        self.register_buffer("window", WINDOWS[window](n_fft), persistent=False)
        self.register_buffer("filters", filters[:, : self.bins].contiguous(), persistent=False)

    def _check(self, window: str) -> None:
        if window not in WINDOWS:
            raise ConfigError(
                f"INPUT.SPECTROGRAM.WINDOW is {window!r}, expected one of {', '.join(WINDOWS)}"
            )
        if self.power not in (1, 2):
            raise ConfigError(f"INPUT.SPECTROGRAM.POWER is {self.power}, expected 1 or 2")
        highest = self.sample_rate / 2
        if not 0 <= self.f_min < self.f_max <= highest:
            raise ConfigError(
                f"INPUT.SPECTROGRAM: F_MIN {self.f_min} and F_MAX {self.f_max} Hz, expected "
                f"0 <= F_MIN < F_MAX <= {highest} Hz (half the sample rate)"
            )

    @classmethod
    def from_config(cls, cfg) -> "LogMel":
        """The front end that ``INPUT.FRONT_END`` names."""
        if cfg.INPUT.FRONT_END != "log_mel":
            from audiodet.data import front_ends

            return front_ends.build_front_end(cfg)
        spec = cfg.INPUT.SPECTROGRAM
        return cls(
            cfg.INPUT.AUDIO.SAMPLE_RATE,
            spec.N_FFT,
            spec.HOP,
            spec.N_MELS,
            spec.F_MIN,
            spec.F_MAX,
            spec.FLOOR,
            window=spec.WINDOW,
            centre=spec.CENTRE,
            power=spec.POWER,
            floor_added=spec.FLOOR_ADDED,
        )

    @property
    def seconds_per_frame(self) -> float:
        """Time between two frames of this spectrogram, in seconds."""
        return self.hop / self.sample_rate

    def check_length(self, waveform, name: str) -> None:
        """Raise AudioError, naming the clip, when it is shorter than one window."""
        check_length(waveform, self.n_fft, self.sample_rate, name)

    def mel_power(self, waveform: torch.Tensor) -> torch.Tensor:
        """(..., samples) -> mel power, or with power 1 magnitude, (..., H, T)."""
        half = self.n_fft // 2 if self.centre else 0
        return self.framed_power(nn.functional.pad(waveform, (half, half)))

    def framed_power(self, padded: torch.Tensor) -> torch.Tensor:
        """:meth:`mel_power` of samples that are padded already: frame t begins at t * hop."""
        frames = padded.unfold(-1, self.n_fft, self.hop) * self.window  # (..., T, n_fft)
        spectrum = torch.fft.rfft(frames)[..., : self.bins]
        if self.power == 1:
            return (spectrum.abs() @ self.filters.T).mT
        # Faster than spectrum.abs().square(), and than torch.stft by not turning the axes.
        real, imaginary = torch.view_as_real(spectrum).unbind(-1)
        power = torch.addcmul(real.square(), imaginary, imaginary)
        return (power @ self.filters.T).mT

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(..., samples) -> (..., H, T)."""
        mel = self.mel_power(waveform)
        return (mel.add_(self.floor) if self.floor_added else mel.clamp_(min=self.floor)).log_()

    def band_edges(self) -> list[float]:
        """H + 1 frequencies in Hz that part the bands: half-way between their centres, in mel."""
        low = hz_to_mel(self.f_min)
        high = hz_to_mel(self.f_max)
        places = (torch.arange(self.n_mels + 1) + 0.5) / (self.n_mels + 1)
        return mel_to_hz(low + (high - low) * places.double().numpy()).tolist()


class SpectrogramNormalizer(nn.Module):
    """Log-mel -> the network's input; its constants are part of the model's state.

    "train": (x - mean) / deviation per mel band, measured on training clips by :meth:`fit`.
    "clip": minimum and maximum of each clip become 0 and 1 (a constant clip becomes 0); "image":
    as bytes less detectron2's mean grey. "product": :func:`normalize_product`. "none": as it was.
    """

    def __init__(self, mode: str, n_mels: int):
        super().__init__()
        modes = ("train", "clip", "image", "product", "none")
        if mode not in modes:
            raise ConfigError(f"INPUT.SPECTROGRAM.NORMALIZE is {mode!r}, expected one of {modes}")
        self.mode = mode
        if mode == "train":
            self.register_buffer("mean", torch.zeros(1, n_mels, 1))
            self.register_buffer("std", torch.ones(1, n_mels, 1))

    @torch.no_grad()
    def fit(self, images) -> None:
        """Measure mean and deviation per band over an iterable of (1, H, T) log-mels."""
        if self.mode != "train":
            return
        frames = 0
        total = squares = 0.0
        for image in images:
            image = image.double()
            frames += image.shape[-1]
            total = total + image.sum(-1, keepdim=True)
            squares = squares + image.square().sum(-1, keepdim=True)
        if not frames:
            raise ConfigError("the per-band normalisation found no training frames to measure")
        mean = total / frames
        std = (squares / frames - mean.square()).clamp(min=0).sqrt()
        self.mean.copy_(mean)
        self.std.copy_(std.clamp(min=1e-3))  # a band that never changes stays finite

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(..., 1, H, T) log-mels -> (..., 1, H, T), each as if alone."""
        if self.mode == "train":
            return (image - self.mean) / self.std
        if self.mode == "product":
            return normalize_product(image)
        if self.mode == "none":
            return image
        low = image.amin((-2, -1), keepdim=True)
        high = image.amax((-2, -1), keepdim=True)
        scaled = (image - low) / (high - low).clamp(min=1e-6)
        return 255 * scaled - MEAN_GREY if self.mode == "image" else scaled


def normalize_product(image: torch.Tensor) -> torch.Tensor:
    """Product of a log-mel's values between the minimum and maximum of band, frame and clip.

    Kiyokawa et al. 2019: x = A_row A_col A_all, in [0, 1], exactly 1 at the clip's maximum. A
    constant band or frame is 1 in its own factor (each value is its maximum, and the other two
    decide); a constant clip has no event and is 0.

    Args:
        image: (..., 1, H, T); each clip as if alone.
    """
    low = image.amin((-2, -1), keepdim=True)
    high = image.amax((-2, -1), keepdim=True)
    product = torch.where(high > low, (image - low) / (high - low), 0.0)
    for axis in (-1, -2):
        low = image.amin(axis, keepdim=True)
        high = image.amax(axis, keepdim=True)
        factor = (image - low) / (high - low)
        product = product * torch.where(high > low, factor, 1.0)
    return product
