"""A model that torch runs, as a detector asks it."""

import numpy as np
import torch

from audiodet.data.spectrogram import LogMel
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
        """(samples,), mono at the model's rate -> the model's input dict."""
        self.log_mel.check_length(samples, name)
        image = self.log_mel(torch.as_tensor(samples))
        return {
            "image": image[None],
            "height": 1,
            "width": image.shape[-1] * self.log_mel.seconds_per_frame,
            "duration": len(samples) / self.log_mel.sample_rate,
        }

    @torch.inference_mode()
    def listen(self, inputs: list[dict], labels) -> list[Heard]:
        """Input dicts -> what the network says of each."""
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
        """An input dict -> candidate events, and the masks (K, H, T) of a model that has them."""
        (output,) = self.model([clip])
        events = events_from_instances(output["instances"], labels, clip["duration"])
        return events, output["masks"].float().cpu().numpy()

    def identity(self) -> dict:
        """See :func:`~audiodet.inference.loading.identity`."""
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
