"""AudioMask's frame-level verifier (paper, section III-C): a CRNN on segments of 200 frames.

Shape shorthand: N segments, H mel bands, L frames of a segment, K classes, R regions of a clip.
"""

import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY
from torch import nn
from torch.nn import functional as F

from audiodet.errors import ConfigError
from audiodet.modeling.backbones.precision import check_precision, computing_in
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.modeling.frame_events import frames_of_segments

UNITS = 200  # of each LSTM


class FrequencyConvolutions(nn.Module):
    """Two convolutions over the bands of one frame at a time: (N, 1, H, L) -> (N, 256, L)."""

    def __init__(self, n_mels: int, pools, dropout: float):
        """``pools`` are those over the bands after each convolution; one row must be left."""
        super().__init__()
        first, second = pools
        rows = n_mels // first // second
        if rows != 1:
            raise ConfigError(
                f"INPUT.SPECTROGRAM.N_MELS is {n_mels} and MODEL.VERIFIER.POOLS {list(pools)} "
                f"leave {rows} rows, expected 1"
            )
        layers = []
        for channels, maps, height, pool in ((1, 64, 10, first), (64, 256, 7, second)):
            layers += [
                nn.Conv2d(channels, maps, (height, 1), padding=((height - 1) // 2, 0)),
                nn.BatchNorm2d(maps),
                nn.MaxPool2d((pool, 1)),
                nn.ReLU(),  # of the maximum: the same as the paper's maximum of it, for less
                nn.Dropout(dropout),
            ]
        self.layers = nn.Sequential(*layers)
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        x = F.pad(x, (0, 0, 0, 1))  # ten bands around a frame's: four below, five above
        return self.layers(x.contiguous(memory_format=torch.channels_last)).squeeze(2)


@META_ARCH_REGISTRY.register()
class FrameVerifier(FrameClassifier):
    """A probability at each of a segment's frames; 803,529 parameters with one class.

    ``released`` builds what the authors' code does instead: it reads the (L, 256) features
    row by row as 256 vectors of length L, starts the second LSTM in the first one's final state
    and maps all of its outputs to the L frames (10,998,728 parameters).

    Whole clips are scored by segments every ``stride_frames``, averaged where they overlap.
    """

    @configurable
    def __init__(
        self, *, n_mels, length, pools, dropout, released, stride_frames, precision, **kwargs
    ):
        super().__init__(stride=1, offset=0.5, **kwargs)
        self.length = length
        self.stride_frames = stride_frames
        self.released = released
        self.precision = check_precision(precision)
        self.convolutions = FrequencyConvolutions(n_mels, pools, dropout)
        self.lstm1 = nn.LSTM(length if released else 256, UNITS, batch_first=True)
        self.lstm2 = nn.LSTM(UNITS, UNITS, batch_first=True)
        outputs = self.num_classes * (length if released else 1)
        self.classifier = nn.Linear(UNITS * (256 if released else 1), outputs)

    @classmethod
    def from_config(cls, cfg):
        verifier = cfg.MODEL.VERIFIER
        return {
            **cls.shared_config(cfg),
            "n_mels": cfg.INPUT.SPECTROGRAM.N_MELS,
            "length": verifier.FRAMES,
            "pools": verifier.POOLS,
            "dropout": verifier.DROPOUT,
            "released": verifier.RELEASED,
            "stride_frames": verifier.STRIDE,
            "precision": cfg.MODEL.BACKBONE.PRECISION,
        }

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 1, H, T) of any number of frames -> (N, 256, T)."""
        with computing_in(self.precision, x):
            return self.convolutions(x).float()

    def head(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 256, L) features of segments -> (N, L, K) logits."""
        x = x.transpose(1, 2)  # (N, L, 256)
        if not self.released:
            return self.classifier(self.lstm2(self.lstm1(x)[0])[0])
        x, state = self.lstm1(x.reshape(len(x), 256, self.length))
        x = self.lstm2(x, state)[0].flatten(1)
        return self.classifier(x).view(len(x), self.length, self.num_classes)

    def step_logits(self, batched_inputs) -> list:
        """Logits of clips as training has them; ConfigError if one is longer than a segment."""
        images = self.clip_input(batched_inputs, self.device)
        frames = images.tensor.shape[-1]
        if frames > self.length:
            raise ConfigError(
                f"{batched_inputs[0].get('file_name', 'a clip')}: {frames} frames, FrameVerifier "
                f"trains on {self.length}: set INPUT.CROP_AUDIO.SECONDS to as many"
            )
        logits = self.head(self.features(F.pad(images.tensor, (0, self.length - frames))))
        return [clip[: int(size[1])] for clip, size in zip(logits, images.image_sizes)]

    def step_scores(self, batched_inputs) -> list:
        """See :meth:`FrameClassifier.step_scores`; the mean of all segments that hold a frame."""
        starts = []  # of the segments that cover each clip
        for clip in batched_inputs:
            last = max(0, clip["image"].shape[-1] - self.length)
            firsts = [*range(0, last, self.stride_frames), last]
            starts.append(torch.tensor(firsts, device=self.device))
        segments = self.segment_scores(batched_inputs, starts, self.length)
        clips = []
        for scores, first, clip in zip(segments, starts, batched_inputs):
            frames = clip["image"].shape[-1]
            places = frames_of_segments(first, self.length).flatten()
            total = scores.new_zeros(max(frames, self.length), self.num_classes)
            count = total[:, 0].index_add(0, places, torch.ones_like(places, dtype=total.dtype))
            total.index_add_(0, places, scores.flatten(0, 1))
            clips.append((total / count[:, None])[:frames])
        return clips

    def clip_maps(self, x: torch.Tensor) -> dict:
        """See :meth:`FrameClassifier.clip_maps`, and :meth:`step_scores` for what it is."""
        frames = torch.as_tensor(x.shape[-1])
        last = torch.clamp(frames - self.length, min=0)
        starts = torch.cat([torch.arange(0, last, self.stride_frames), last[None]])
        places = frames_of_segments(starts, self.length).flatten()
        scores = self.clip_segments(x, frames, starts, self.length).flatten(0, 1)
        total = scores.new_zeros(self.num_classes).expand(frames + self.length, -1)
        total = total.scatter_add(0, places[:, None].expand(-1, self.num_classes), scores)
        count = total[:, 0].mul(0).scatter_add(0, places, torch.ones_like(scores[:, 0]))
        return {"scores": (total / count.clamp(min=1)[:, None])[:frames]}

    def clip_segments(self, x: torch.Tensor, frames, starts, length: int) -> torch.Tensor:
        """See :meth:`FrameClassifier.clip_segments`; ``length`` must be the verifier's own."""
        features = self.features(F.pad(x, (0, length)))[0]  # (256, T + L)
        segments = features[:, frames_of_segments(starts, length)].transpose(0, 1)
        return self.head(segments).sigmoid()

    def segment_scores(self, batched_inputs, starts, length: int) -> list:
        """See :meth:`FrameClassifier.segment_scores`; ``length`` must be the verifier's own.

        The convolutions see single frames, so each frame runs once, however many segments
        share it.
        """
        if length != self.length:
            raise ConfigError(f"segments of {length} frames, this verifier expects {self.length}")
        columns = []
        places = []
        seen = 0
        for clip, first in zip(batched_inputs, starts):
            image = self.clip_input.normalizer(clip["image"].to(self.device))
            image = F.pad(image, (0, max(0, length - image.shape[-1])))
            used, inverse = frames_of_segments(first, length).unique(return_inverse=True)
            columns.append(image[..., used])
            places.append(inverse + seen)
            seen += len(used)
        if not seen:
            return [torch.zeros(0, length, self.num_classes, device=self.device) for _ in starts]
        features = self.features(torch.cat(columns, -1)[None])[0]  # (256, frames of all clips)
        segments = features[:, torch.cat(places)].transpose(0, 1)  # (R of all clips, 256, L)
        return list(self.head(segments).sigmoid().split([len(first) for first in starts]))
