"""Several exported models as one: their events vote; torch is not imported."""

import hashlib
import json
import math
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np

from audiodet.audio.io import as_mono
from audiodet.errors import ConfigError
from audiodet.inference.joining import Heard
from audiodet.inference.on_onnx import FrontEnd, OnnxModel
from audiodet.voting import Voting


class OnnxVoting:
    """What :class:`~audiodet.modeling.ensemble.EventEnsemble` is to torch; picklable.

    Each member hears the samples at its own rate; the front end of the whole is none but samples
    at the highest of these rates. See :class:`~audiodet.inference.on_onnx.OnnxModel` for what a
    model and runner has.
    """

    packages = ("onnxruntime",)
    has_masks = False

    def __init__(
        self,
        members: Sequence[OnnxModel],
        voting: Voting,
        thresholds: Sequence[float],
        system: str = "",
    ):
        """
        Args:
            thresholds: of the ensemble's events, in the order of the first member's labels.
            system: the name of its architecture.

        Raises:
            ConfigError: members with other labels.
        """
        self.members, self.voting = members, voting
        labels = members[0].cfg.DATASETS.LABELS
        for number, member in enumerate(members, 1):
            if member.cfg.DATASETS.LABELS != labels:
                raise ConfigError(
                    f"member {number} of the ensemble: has the labels "
                    f"{member.cfg.DATASETS.LABELS}, expected {labels}"
                )
        fronts = [member.log_mel for member in members]
        rate = max(front.sample_rate for front in fronts)
        longest = max(math.ceil(x.n_fft * rate / x.sample_rate) + 1 for x in fronts)
        low, high = min(x.f_min for x in fronts), max(x.f_max for x in fronts)
        self.log_mel = FrontEnd(rate, longest, 1, 1, low, high)
        steps = [x.time_stride * x.log_mel.seconds_per_frame for x in members]
        self.time_stride = math.ceil(max(steps) * rate)
        self.rounded = any(member.card["rounded"] for member in members)
        self.cfg = SimpleNamespace(
            DATASETS=SimpleNamespace(LABELS=labels),
            INPUT=SimpleNamespace(AUDIO=SimpleNamespace(SAMPLE_RATE=rate)),
            MODEL=SimpleNamespace(META_ARCHITECTURE=system, DEVICE="cpu"),
            TEST=SimpleNamespace(THRESHOLDS=list(thresholds), MIN_LENGTHS=[0.0]),
        )

    def features(self, samples: np.ndarray, name: str) -> dict:
        """What :meth:`listen` takes; see :meth:`OnnxModel.features`."""
        return OnnxModel.features(self, samples, name)

    def listen(self, inputs: list[dict], labels: Sequence[str]) -> list[Heard]:
        """Outputs of :meth:`features` -> what the members agree on."""
        return [Heard(self.voting.join(self._said(clip, labels))) for clip in inputs]

    def _said(self, clip: dict, labels: Sequence[str]) -> list:
        """Candidate events of a clip, a list a member."""
        said = []
        for member in self.members:
            rate = member.log_mel.sample_rate
            samples = as_mono(clip["samples"], self.log_mel.sample_rate, rate)
            (heard,) = member.listen([{**clip, "samples": samples}], labels)
            said.append(heard.events)
        return said

    def identity(self) -> dict:
        """Of the members that were exported and how they vote."""
        members = [member.identity() for member in self.members]
        text = json.dumps([members, repr(self.voting)])
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        system = self.cfg.MODEL.META_ARCHITECTURE
        return {"architecture": system, "members": members, "config_hash": digest}

    def use_one_thread(self) -> None:
        """It does so always."""

    def made_with(self) -> dict:
        return {"engine": "onnxruntime"}
