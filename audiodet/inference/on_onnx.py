"""A model that ``audiodet export`` wrote, run by onnxruntime; torch is not imported."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from audiodet.audio.samples import check_length
from audiodet.errors import WeightsError, require_package
from audiodet.inference.joining import Heard
from audiodet.postprocessing.decoding import Decoded, decode
from audiodet.weights import CARD

FORMAT = 1  # of the card
FACTS = {
    "labels": list,
    "front_end": dict,
    "time_stride": int,
    "has_masks": bool,
    "rounded": bool,
    "identity": dict,
    "settings": dict,
    "decoding": dict,
}


@dataclass(frozen=True)
class FrontEnd:
    """Numbers of the front end inside a graph, by the names of
    :class:`~audiodet.data.spectrogram.LogMel`."""

    sample_rate: int
    n_fft: int
    hop: int
    n_mels: int
    f_min: float
    f_max: float
    centre: bool = True
    window: tuple = ()

    @property
    def seconds_per_frame(self) -> float:
        """Time between two frames, in seconds."""
        return self.hop / self.sample_rate

    def check_length(self, waveform, name: str) -> None:
        """Raise AudioError, naming the clip, when it is shorter than one window."""
        check_length(waveform, self.n_fft, self.sample_rate, name)


class OnnxModel:
    """A file of ``audiodet export``: model and runner in one; picklable.

    Attributes:
        path: of the file.
        card: what the file says of itself, see :mod:`audiodet.export.card`.
        cfg: the part of the configuration that detecting needs.
        log_mel: numbers of the front end.
        time_stride, has_masks: see :class:`~audiodet.modeling.model.SEDModel`.
    """

    packages = ("onnxruntime",)

    def __init__(self, path: str):
        """
        Raises:
            WeightsError: no such file, not a whole ONNX file, or none that audiodet wrote.
        """
        self.path = path
        self._open()
        self.cfg = json.loads(
            json.dumps(self.card["settings"]), object_hook=lambda x: SimpleNamespace(**x)
        )
        self.time_stride = self.card["time_stride"]
        self.has_masks = self.card["has_masks"]
        self._try()

    def _open(self) -> None:
        require_package("onnxruntime", self.path)
        self.session = session_of(self.path, self.path)
        text = self.session.get_modelmeta().custom_metadata_map.get(CARD)
        self.card = checked_card(text, self.path)
        self.log_mel = FrontEnd(**self.card["front_end"])
        self.verifier = None
        if "verifier" in self.card:
            self.verifier = session_of(base64.b64decode(self.card["verifier"]), self.path)

    def __getstate__(self) -> dict:
        opened = ("session", "verifier")
        return {key: value for key, value in self.__dict__.items() if key not in opened}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._open()

    def _try(self) -> None:
        """Refuse a graph that is not what its card says, by running a moment of silence."""
        rate = self.log_mel.sample_rate
        samples = np.zeros(max(self.log_mel.n_fft, rate // 2), np.float32)
        try:
            outputs = self.run(samples)
            frames, classes = int(outputs["frames"]), outputs["scores"].shape[1]
            self.decoded(samples, outputs)
        except Exception as error:
            reason = " ".join(repr(error).split())[:200]
            raise WeightsError(
                f"{self.path}: does not run ({reason}), expected a file that `audiodet export` "
                "wrote"
            ) from None
        expected = len(self.card["labels"]) + ("times" in outputs)
        if classes != expected:
            raise WeightsError(
                f"{self.path}: scores of {classes} classes, expected {expected} for the labels "
                f"{', '.join(self.card['labels'])}"
            )
        wanted = len(samples) / self.log_mel.hop
        if abs(frames - wanted) > self.log_mel.n_fft / self.log_mel.hop + 1:
            raise WeightsError(
                f"{self.path}: {frames} frames of {len(samples)} samples, expected about "
                f"{wanted:.0f}: its front end is not that of its description, {rate} Hz"
            )

    def run(self, samples: np.ndarray) -> dict:
        """(samples,) float32, mono at the model's rate -> the graph's outputs by name."""
        names = [output.name for output in self.session.get_outputs()]
        return dict(zip(names, self.session.run(names, {"samples": samples})))

    def decoded(self, samples: np.ndarray, outputs: dict) -> Decoded:
        """Samples and what :meth:`run` gives of them -> what is in them."""
        width = int(outputs["frames"]) * self.log_mel.seconds_per_frame

        def verify(starts: np.ndarray) -> np.ndarray:
            (segments,) = self.verifier.run(None, {"samples": samples, "starts": starts})
            return segments

        return decode(outputs, self.card["decoding"], width, verify)

    def features(self, samples: np.ndarray, name: str) -> dict:
        """What :meth:`listen` takes: the samples themselves, for the front end is in the graph.

        Raises:
            AudioError: shorter than one analysis window.
        """
        self.log_mel.check_length(samples, name)
        duration = len(samples) / self.log_mel.sample_rate
        return {"samples": np.ascontiguousarray(samples, np.float32), "duration": duration}

    def listen(self, inputs: list[dict], labels: Sequence[str]) -> list[Heard]:
        """Outputs of :meth:`features` -> what the network says of each."""
        heard = []
        for clip in inputs:
            found = self.decoded(clip["samples"], self.run(clip["samples"]))
            events = found.regions.events(labels, clip["duration"])
            heard.append(Heard(events, found.scores, found.edges))
        return heard

    def masks(self, clip: dict, labels: Sequence[str]) -> tuple[list, np.ndarray]:
        """Output of :meth:`features` -> candidate events, and the masks (K, H, T)."""
        outputs = self.run(clip["samples"])
        found = self.decoded(clip["samples"], outputs)
        return found.regions.events(labels, clip["duration"]), outputs["masks"]

    def identity(self) -> dict:
        """Of the model that was exported, see :func:`~audiodet.inference.loading.identity`."""
        return self.card["identity"]

    def use_one_thread(self) -> None:
        """It does so always."""

    def made_with(self) -> dict:
        """What a run's report says beside the versions of :attr:`packages`."""
        return {"engine": "onnxruntime", "exported_with": self.card.get("versions", {})}


def session_of(model: str | bytes, path: str):
    """onnxruntime's session of a file or its bytes; WeightsError names the path."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a window per thread uses cores better
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised, and said once
    options.enable_cpu_mem_arena = False
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime's own kinds, which share no base
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{path}: not a whole ONNX file ({reason})") from None


def checked_card(text: str | None, path: str) -> dict:
    """The card of an ONNX file; WeightsError where it has none or a damaged one."""
    wrote = "expected a file that `audiodet export` wrote"
    if text is None:
        raise WeightsError(f"{path}: carries no description, {wrote}")
    try:
        card = json.loads(text)
        version = card["format"]
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{path}: its description is damaged ({error}), {wrote}") from None
    if version != FORMAT:
        raise WeightsError(f"{path}: its description has format {version!r}, expected {FORMAT}")
    for key, kind in FACTS.items():
        if not isinstance(card.get(key), kind):
            raise WeightsError(
                f"{path}: its description has {key} {card.get(key)!r:.60}, expected a "
                f"{kind.__name__}"
            )
    labels = card["labels"]
    if not labels or not all(isinstance(label, str) for label in labels):
        raise WeightsError(f"{path}: its description has labels {labels!r:.60}, expected names")
    numbers = card["front_end"]
    wanted = set(FrontEnd.__dataclass_fields__) - {"centre", "window"}
    good = {k for k in wanted if isinstance(numbers.get(k), (int, float)) and numbers[k] >= 0}
    if wanted - good or not numbers["sample_rate"] or not numbers["hop"]:
        raise WeightsError(
            f"{path}: its description has front_end {numbers!r:.120}, expected numbers for "
            f"{', '.join(sorted(wanted))}"
        )
    return card
