"""The systems side by side: size, multiply-adds, time to events with torch and exported, memory."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from detectron2.modeling import build_model
from fvcore.nn import FlopCountAnalysis
from tabulate import tabulate

from benchmarks.timing import config, measure, peak_memory, training_step
from audiodet.data.spectrogram import LogMel
from audiodet.engine.trainer import Trainer
from audiodet.export.write import export
from audiodet.inference.on_onnx import OnnxModel
from audiodet.modeling import keras_count

SYSTEMS = (
    "rcrnn/rare",
    "rcrnn/frame_control",
    "audiomask/R_18_FPN",
    "audiomask/R_101_FPN",
    "audiomask/verifier_rare",
    "crnn/synthetic_crnn",
    "crnn/synthetic_cnn",
    "crnn/synthetic_rnn",
    "crnn/synthetic_fnn",
    "crnn/poly_mini",
    "tfseg/dcase2018_gwrp",
    "tfseg/remix_mini",
    "self_mask/desed",
    "self_mask/weak_mini",
    "crnn/weak_mini",
    "pretrained/mn04_frame",
    "pretrained/mn04_rcrnn",
    "pretrained/mn04_audiomask",
    "pretrained/yamnet_rcrnn",
)
SECONDS = 10.0  # of a clip
CROP = 4.0  # seconds of a training step's crops
BATCH = 4  # crops of a training step


def run(args, folder: str) -> dict:
    """Measure untrained systems: what they cost does not depend on their weights."""
    built = {name: System(name) for name in SYSTEMS}
    exported = {name: system.exported(folder) for name, system in built.items()}
    times = measure({name: system.detect for name, system in built.items()}, args.rounds)
    times_exported = measure(exported, args.rounds)
    steps = measure({name: system.step for name, system in built.items()}, args.rounds)
    figures = {}
    rows = []
    for name, system in built.items():
        figures[name] = {
            "parameters": keras_count(system.model),
            "GMAC per 10 s, backbone": system.macs() / 1e9,
            "torch, ms": 1000 * float(np.median(times[name])),
            "onnxruntime, ms": 1000 * float(np.median(times_exported[name])),
            f"training step, ms a crop of {CROP:g} s": 1000 * float(np.median(steps[name])) / BATCH,
            "peak memory, MB": peak_memory(
                f"from {__name__} import System\nSystem({name!r}).detect()"
            ),
        }
        count, *others = figures[name].values()
        rows.append([name, f"{count:,}", *(f"{x:.3g}" for x in others)])
    print(tabulate(rows, ["system", *figures[SYSTEMS[0]]], disable_numparse=True))
    return figures


class System:
    """A system with random weights, and a clip of noise."""

    def __init__(self, name: str):
        self.cfg = config(name)
        self.model = build_model(self.cfg).eval()
        self.model.cfg = self.cfg
        self.log_mel = LogMel.from_config(self.cfg)
        noise = np.random.default_rng(0).normal(0, 0.05, int(SECONDS * self.log_mel.sample_rate))
        self.wave = torch.from_numpy(noise.astype(np.float32))
        optimizer = Trainer.build_optimizer(self.cfg, self.model)
        frames = round(CROP / self.log_mel.seconds_per_frame)
        shape = (self.cfg.INPUT.SPECTROGRAM.N_MELS, frames, BATCH)
        labels = len(self.cfg.DATASETS.LABELS)
        self.step = training_step(self.model, optimizer, *shape, labels)

    @torch.inference_mode()
    def detect(self):
        """Samples to events: log-mel, network, post-processing."""
        return self.model([{"image": self.log_mel(self.wave)[None]}])

    def exported(self, folder: str) -> Callable:
        """The same as :meth:`detect` with an exported file."""
        path = Path(folder, "exported.onnx")
        export(self.model, path)
        model = OnnxModel(str(path))
        path.unlink()
        samples = self.wave.numpy()
        labels = list(self.cfg.DATASETS.LABELS)
        return lambda: model.listen([model.features(samples, "noise")], labels)

    def macs(self) -> float:
        """Multiply-adds of the backbone (a verifier: of its layers) for 10 s, as fvcore counts."""
        image = {"image": self.log_mel(self.wave)[None]}
        inputs = self.model.clip_input([image], "cpu").tensor
        if not self.model.has_backbone:
            frames = image["image"].shape[-1] // self.model.length * self.model.length
            inputs = inputs[..., :frames]
            module = _Segments(self.model)
        else:
            module = self.model.backbone
        with torch.inference_mode():
            counted = FlopCountAnalysis(module, inputs).set_op_handle(**COUNTS)
            counted.uncalled_modules_warnings(False).unsupported_ops_warnings(False)
            return float(counted.total())


class _Segments(torch.nn.Module):
    """A verifier on consecutive segments of a clip."""

    def __init__(self, verifier):
        super().__init__()
        self.verifier = verifier

    def forward(self, x):
        features = self.verifier.features(x)[0].unfold(
            1, self.verifier.length, self.verifier.length
        )
        return self.verifier.head(features.transpose(0, 1))


def _recurrent(inputs, outputs) -> int:
    """Every weight matrix once a step and clip; inputs are (x, state, weights, ...)."""
    clips, steps, _ = inputs[0].type().sizes()
    sizes = [weight.type().sizes() for weight in inputs[2].node().inputs()]
    return int(clips * steps * sum(np.prod(size) for size in sizes if len(size) == 2))


def _same_convolution(inputs, outputs) -> int:
    """A convolution that keeps the size, which fvcore does not know."""
    weight = inputs[1].type().sizes()
    output = outputs[0].type().sizes()
    return int(np.prod(output) * np.prod(weight[1:]))


COUNTS = {
    "aten::gru": _recurrent,
    "aten::lstm": _recurrent,
    "aten::_convolution_mode": _same_convolution,
}
