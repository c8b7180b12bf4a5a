"""A front end that a tracer can follow: samples -> log-mel by slices and matrix products.

Shape shorthand: T frames, N samples of a frame, B linear bands, H mel bands.
"""

import copy

import torch
from torch import nn

from audiodet.data.spectrogram import LogMel


class TraceableFrames(nn.Module):
    """:meth:`LogMel.framed_power`, (samples,) -> (H, T), for any length.

    The transform is a product with cosines and one with sines, each of half a frame: a frame and
    its mirror image are added and subtracted first. Only bands that the mel bank weighs are made.
    The tables follow from N cosines while the graph is loaded, so a file does not hold them.
    """

    def __init__(self, front_end: LogMel):
        super().__init__()
        self.size = front_end.n_fft
        self.hop = front_end.hop
        self.bins = front_end.bins
        self.power = front_end.power
        self.register_buffer("window", front_end.window)
        turn = torch.arange(self.size, dtype=torch.float64) * (2 * torch.pi / self.size)
        self.register_buffer("cosine", turn.cos().float())
        self.register_buffer("sine", turn.sin().float())
        places = front_end.filters.T.contiguous().nonzero()
        values = front_end.filters.T[places[:, 0], places[:, 1]]
        self.bands = front_end.n_mels
        self.register_buffer("places", places[:, 0] * self.bands + places[:, 1])
        self.register_buffer("values", values)
        # What follows from buffers is computed in the graph; of constants the result is stored.
        self.register_buffer("numbers", torch.arange(max(self.size // 2 + 1, self.bins)))

    def forward(self, padded: torch.Tensor) -> torch.Tensor:
        """(samples,) -> (H, T)."""
        frames = self.frames(padded) * self.window
        half = self.size // 2
        first = frames[:, 1:half]
        mirrored = frames[:, half + 1 :].flip(1)
        ends = frames[:, ::half]  # samples 0 and N / 2, whose mirror images they are themselves
        even = torch.cat([ends[:, :1], first + mirrored, ends[:, 1:]], 1)  # (T, N / 2 + 1)
        real = even @ self.table(self.cosine, 0, half + 1)
        imaginary = (first - mirrored) @ self.table(self.sine, 1, half)
        power = real * real + imaginary * imaginary  # (T, B)
        if self.power == 1:
            power = power.sqrt()
        return (power @ self.filters()).T

    def frames(self, padded: torch.Tensor) -> torch.Tensor:
        """(samples,) -> (T, N): rows of a hop, of which neighbours stand side by side."""
        rows = -(-self.size // self.hop)
        count = (padded.shape[-1] - self.size) // self.hop + 1
        longer = nn.functional.pad(padded, (0, rows * self.hop))
        hops = longer[: (count + rows) * self.hop].reshape(-1, self.hop)
        parts = [hops[i : i + count] for i in range(rows)]
        parts[-1] = parts[-1][:, : self.size - (rows - 1) * self.hop]
        return torch.cat(parts, 1)

    def table(self, wave: torch.Tensor, first: int, end: int) -> torch.Tensor:
        """Values of a wave of N samples, (end - first, B), at sample n times band k."""
        samples = self.numbers[first:end, None]
        return wave[(samples * self.numbers[: self.bins]) % self.size]

    def filters(self) -> torch.Tensor:
        """The mel bank (B, H), of which nearly all is zero."""
        zeros = (self.values[:1] * 0).expand(self.bins * self.bands)
        return zeros.scatter(0, self.places, self.values).reshape(self.bins, self.bands)


def traceable(front_end: LogMel) -> LogMel:
    """The same front end for (samples,), of operations that follow the length of a clip."""
    twin = copy.deepcopy(front_end)
    twin.frames = TraceableFrames(front_end)
    twin.__dict__["framed_power"] = twin.frames  # in front of the class's method
    return twin
