"""Trained models of any systems and front ends as one: the events that each finds vote.

Shape shorthand: E members, N clips, H mel bands, T frames.
"""

import math

import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY
from torch import nn

from audiodet.audio.io import as_mono
from audiodet.data.spectrogram import LogMel
from audiodet.errors import ConfigError
from audiodet.modeling.clip_input import ClipInput
from audiodet.modeling.frame_events import as_instances
from audiodet.modeling.instances import events_from_instances
from audiodet.modeling.model import SEDModel
from audiodet.modeling.trained import build_described, load_trained
from audiodet.voting import Voting


@META_ARCH_REGISTRY.register()
class EventEnsemble(SEDModel, nn.Module):
    """Members that each make their own spectrogram of a clip's samples; see :class:`Voting`.

    Its front end is "waveform": a clip's "image" (1, 1, samples) are the samples themselves, at the
    highest rate of the members. Only for inference: members are trained one by one.
    """

    @configurable
    def __init__(self, *, members, labels, voting, sample_rate: int):
        """
        Args:
            members: models with their configuration in ``cfg``.
            labels: in the order of the ensemble's classes.
            voting: how their events become one list.
            sample_rate: of the samples, in Hz.

        Raises:
            ConfigError: a member has other labels or a higher rate.
        """
        super().__init__()
        self.members = nn.ModuleList(members)
        self.front_ends = nn.ModuleList(LogMel.from_config(member.cfg) for member in members)
        self.labels = list(labels)
        self.voting = voting
        self.sample_rate = sample_rate
        self.clip_input = ClipInput("none", 1)
        for number, member in enumerate(members, 1):
            self._check(member.cfg, number)

    @classmethod
    def from_config(cls, cfg):
        """``MODEL.MEMBERS`` holds configurations; weights are the ensemble's own checkpoint's."""
        return {
            "members": [build_described(text, cfg.MODEL.DEVICE) for text in cfg.MODEL.MEMBERS],
            "labels": cfg.DATASETS.LABELS,
            "voting": voting_of(cfg),
            "sample_rate": cfg.INPUT.AUDIO.SAMPLE_RATE,
        }

    def _check(self, cfg, number: int) -> None:
        where = f"member {number} of the ensemble, {cfg.MODEL.META_ARCHITECTURE}"
        if set(cfg.DATASETS.LABELS) != set(self.labels):
            raise ConfigError(
                f"{where}: has the labels {list(cfg.DATASETS.LABELS)}, expected {self.labels} of "
                "DATASETS.LABELS"
            )
        rate = cfg.INPUT.AUDIO.SAMPLE_RATE
        if rate > self.sample_rate:
            raise ConfigError(
                f"{where}: hears {rate} Hz, expected at most {self.sample_rate} Hz, "
                "INPUT.AUDIO.SAMPLE_RATE of the ensemble"
            )

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @property
    def time_stride(self) -> int:
        """Samples of the coarsest step of a member; a finer one's windows begin between steps."""
        steps = []
        for member, front_end in zip(self.members, self.front_ends):
            steps.append(member.time_stride * front_end.seconds_per_frame)
        return math.ceil(max(steps) * self.sample_rate)

    @property
    def verifiers(self) -> list:
        return [verifier for member in self.members for verifier in member.verifiers]

    @torch.no_grad()
    def forward(self, batched_inputs) -> list:
        """Dicts with "image" (1, 1, samples) -> [{"instances"}], boxes in the unit of "width"."""
        if self.training:
            raise ConfigError("an ensemble does not learn, expected its members to be trained")
        heard = []
        for member, front_end in zip(self.members, self.front_ends):
            clips = [self._spectrogram(clip, front_end) for clip in batched_inputs]
            heard.append(list(zip(clips, member(clips), strict=True)))
        return [self._join(clip, parts) for clip, *parts in zip(batched_inputs, *heard)]

    def _spectrogram(self, clip: dict, front_end: LogMel) -> dict:
        """A clip's samples -> the input dict of a member."""
        samples = clip["image"].flatten().cpu().numpy()
        mono = as_mono(samples, self.sample_rate, front_end.sample_rate)
        image = front_end(torch.from_numpy(mono).to(self.device))
        return {
            "image": image[None],
            "height": 1,
            "width": image.shape[-1] * front_end.seconds_per_frame,
        }

    def _join(self, clip: dict, parts: list) -> dict:
        """What the members found in a clip -> its output."""
        seconds = clip["image"].shape[-1] / self.sample_rate
        found = []
        for member, (_, output) in zip(self.members, parts):
            labels = list(member.cfg.DATASETS.LABELS)
            found.append(events_from_instances(output["instances"], labels, seconds))
        width = clip.get("width", seconds)
        rows = []
        for event in self.voting.join(found):
            times = (event.onset * width / seconds, event.offset * width / seconds)
            rows.append((*times, event.score, self.labels.index(event.label)))
        return {"instances": as_instances(rows, (1, width))}


def voting_of(cfg) -> Voting:
    """The :class:`Voting` of ``TEST.VOTING``; a weight may be a list, one for each label."""
    spec = cfg.TEST.VOTING
    weights = []
    for weight in spec.WEIGHTS:
        by_label = isinstance(weight, (list, tuple))
        if by_label and len(weight) != len(cfg.DATASETS.LABELS):
            raise ConfigError(
                f"TEST.VOTING.WEIGHTS has {list(weight)}, expected a number or one for each of "
                f"{list(cfg.DATASETS.LABELS)}"
            )
        weights.append(dict(zip(cfg.DATASETS.LABELS, weight)) if by_label else weight)
    return Voting(tuple(weights), spec.IOU, spec.NMS, spec.MARGIN)


def load_ensemble(cfg, paths) -> EventEnsemble:
    """The models of checkpoints as one, in eval mode; ``cfg`` says how they vote and are scored.

    The ensemble's own configuration, in ``cfg``, has the members' inside, so that its checkpoint
    needs no other file.

    Raises:
        WeightsError: a checkpoint is not there, or carries no configuration.
        ConfigError: members that do not fit each other, or weights that are not theirs.
    """
    members = [load_trained(path, cfg.MODEL.DEVICE) for path in paths]
    whole = cfg.clone()
    whole.defrost()
    whole.MODEL.META_ARCHITECTURE = EventEnsemble.__name__
    whole.MODEL.MEMBERS = [member.cfg.dump() for member in members]
    whole.TEST.ENSEMBLE = ()
    _hear_samples(whole, [LogMel.from_config(member.cfg) for member in members])
    model = EventEnsemble(
        members=members,
        labels=whole.DATASETS.LABELS,
        voting=voting_of(whole),
        sample_rate=whole.INPUT.AUDIO.SAMPLE_RATE,
    )
    for label in model.labels:
        model.voting.weights_of(label, len(members))  # refuses others
    model.cfg = whole
    return model.eval()


def _hear_samples(cfg, front_ends) -> None:
    """Set the front end to samples of which the members can make all of their spectrograms."""
    cfg.INPUT.FRONT_END = "waveform"
    rate = cfg.INPUT.AUDIO.SAMPLE_RATE = max(x.sample_rate for x in front_ends)
    spec = cfg.INPUT.SPECTROGRAM
    spec.HOP = spec.N_MELS = 1
    spec.NORMALIZE = "none"
    spec.N_FFT = max(math.ceil(x.n_fft * rate / x.sample_rate) + 1 for x in front_ends)
    spec.F_MIN = min(x.f_min for x in front_ends)
    spec.F_MAX = max(x.f_max for x in front_ends)
    cfg.INPUT.CACHE_DIR = ""  # samples are as large as the files that they are read from
