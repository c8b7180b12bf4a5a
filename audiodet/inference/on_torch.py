"""A model that torch runs, as a detector asks it."""

import numpy as np
import torch

from audiodet.data.spectrogram import LogMel
from audiodet.inference.features import features_on, model_input
from audiodet.inference.joining import Heard
from audiodet.inference.loading import identity
from audiodet.modeling.instances import events_from_instances


class TorchRunner:
    """See :class:`~audiodet.inference.on_onnx.OnnxModel` for what a runner has."""

    packages = ("torch", "torchvision")

    def __init__(self, model: torch.nn.Module):
        self.model = model
        self.log_mel = LogMel.from_config(model.cfg)

    def features(self, samples: np.ndarray, name: str) -> dict:
        """(samples,), mono at the model's rate -> what :meth:`listen` and :meth:`masks` take.

        On a CPU the model's input dict; elsewhere samples: their log-mel is made where the model
        is.
        """
        self.log_mel.check_length(samples, name)
        samples = torch.as_tensor(samples)
        if self.model.cfg.MODEL.DEVICE != "cpu":
            return {"samples": samples}
        return model_input(self.log_mel(samples), len(samples), self.log_mel)

    def _inputs(self, clips: list[dict]) -> list[dict]:
        """Outputs of :meth:`features` -> the model's input dicts."""
        waves = [clip["samples"] for clip in clips if "samples" in clip]
        if not waves:
            return clips
        return features_on(self.log_mel, waves, self.model.cfg.MODEL.DEVICE)

    @torch.inference_mode()
    def listen(self, inputs: list[dict], labels) -> list[Heard]:
        """Outputs of :meth:`features` -> what the network says of each."""
        inputs = self._inputs(inputs)
        outputs = self.model(inputs) if inputs else []
        heard = []
        for clip, output in zip(inputs, outputs):
            events = events_from_instances(output["instances"], labels, clip["duration"])
            if "frame_edges" in output:
                scores = output["frame_scores"].cpu().numpy()
                heard.append(Heard(events, scores, output["frame_edges"].numpy()))
            else:
                heard.append(Heard(events))
        return heard

    @torch.inference_mode()
    def masks(self, clip: dict, labels) -> tuple[list, np.ndarray]:
        """Output of :meth:`features` -> candidate events, and a model's masks (K, H, T)."""
        (output,) = self.model(self._inputs([clip]))
        events = events_from_instances(output["instances"], labels, clip["duration"])
        return events, output["masks"].float().cpu().numpy()

    def identity(self) -> dict:
        return identity(self.model)

    def use_one_thread(self) -> None:
        """Let a CPU's operations take one core: windows are shared out over the cores."""
        if self.model.cfg.MODEL.DEVICE == "cpu":
            torch.set_num_threads(1)

    def made_with(self) -> dict:
        """What a run's report says beside the versions of :attr:`packages`."""
        import detectron2

        from audiodet import _detectron2

        source = {"version": detectron2.__version__, "source": _detectron2.SOURCE}
        return {"engine": "torch", "detectron2": source}
