"""int8 beside float32 in onnxruntime: speed of a 30-s clip, F1 on mixtures held out of training.

Static: convolutions and what lies between them, their ranges measured on clips of the training.
Dynamic: weights of matrix products alone are rounded. All but the backbone stays float32:
of box coordinates in eight bits nothing is left.
"""

from pathlib import Path

import numpy as np
import onnx
from detectron2.data import DatasetCatalog
from onnxruntime import quantization

import audiodet.data.datasets  # noqa: F401  registers the names
from audiodet.data.loader import dataset_view
from audiodet.data.mapper import SEDMapper
from audiodet.evaluation.clips import reference_clips
from audiodet.evaluation.counts import Matching, score_clips
from audiodet.export.write import export
from audiodet.inference.loading import load_model
from audiodet.inference.on_onnx import OnnxModel
from benchmarks.timing import measure, print_times

CALIBRATING = 24  # clips
STATIC = ["Conv", "Add", "MaxPool"]
DYNAMIC = ["MatMul", "Gemm"]


def run(args, folder: str) -> dict:
    """Measure the exported ``args.model`` on ``args.files`` mixtures of its DATASETS.TEST."""
    model = load_model(args.model, device="cpu")
    cfg = model.cfg
    mapper = SEDMapper(cfg, is_train=False)
    calibrating = some(DatasetCatalog.get(view(cfg, cfg.DATASETS.TRAIN[0])), CALIBRATING)
    exact = Path(folder) / "float32.onnx"
    export(model, exact)
    models = quantized(exact, [mapper.waveform(clip) for clip in calibrating])
    wave = mapper.waveform(calibrating[0])
    items = {name: lambda each=each: each.run(wave) for name, each in models.items()}
    medians = print_times(measure(items, args.rounds), {}, {})
    figures = {"medians, ms": medians}
    for name, each in models.items():
        speed = medians["float32"] / medians[name]
        scores = {set_: f1(each, cfg, mapper, set_, args.files) for set_ in cfg.DATASETS.TEST}
        figures[name] = {"times as fast as float32": speed, "F1": scores}
        said = ", ".join(f"F1 {score:.1f} on {set_}" for set_, score in scores.items())
        print(f"{name}: {speed:.2f} times as fast as float32; {said}")
    return figures


def quantized(exact: Path, waves: list[np.ndarray]) -> dict[str, OnnxModel]:
    """An exported file as it is, with norms folded, in int8 calibrated on ``waves``, and with
    int8 weights.
    """
    folded = str(exact.with_name("folded.onnx"))
    quantization.quant_pre_process(str(exact), folded, skip_symbolic_shape=True)
    names = [node.name for node in onnx.load(folded).graph.node]
    exact_layers = [name for name in names if "/backbone/" not in name]
    paths = {"float32": str(exact), "float32, folded": folded}
    for kind in ("int8, static", "int8, dynamic"):
        paths[kind] = str(exact.with_name(f"{kind}.onnx"))
    quantization.quantize_static(
        folded,
        paths["int8, static"],
        Clips(waves),
        op_types_to_quantize=STATIC,
        nodes_to_exclude=exact_layers,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,  # of QInt8 a part would stay float32
    )
    quantization.quantize_dynamic(
        folded,
        paths["int8, dynamic"],
        op_types_to_quantize=DYNAMIC,
        nodes_to_exclude=exact_layers,
        per_channel=True,
    )
    card = {x.key: x.value for x in onnx.load(str(exact)).metadata_props}
    models = {}
    for name, path in paths.items():
        proto = onnx.load(path)
        onnx.helper.set_model_props(proto, card)
        onnx.save(proto, path)
        models[name] = OnnxModel(path)
    return models


class Clips(quantization.CalibrationDataReader):
    """Waveforms, one a call."""

    def __init__(self, waves):
        self.waves = iter(waves)

    def get_next(self):
        """{"samples": (samples,)}, or None at the end."""
        wave = next(self.waves, None)
        return None if wave is None else {"samples": wave}


def view(cfg, name: str) -> str:
    return dataset_view(name, list(cfg.DATASETS.LABELS))


def some(records: list, count: int) -> list:
    """At most ``count`` of them, spread evenly."""
    return records[:: -(-len(records) // count)]


def f1(model: OnnxModel, cfg, mapper: SEDMapper, name: str, count: int) -> float:
    """Event-based F1 in percent, mean of the labels, on ``count`` clips of a dataset."""
    labels = list(cfg.DATASETS.LABELS)
    truth = reference_clips(view(cfg, name), labels)
    clips = []
    for record in some(DatasetCatalog.get(view(cfg, name)), count):
        clip = truth[record["image_id"]]
        sound = model.features(mapper.waveform(record), clip.name)
        clip.candidates = list(model.listen([sound], labels)[0].events)
        clips.append(clip)
    thresholds = dict(zip(labels, cfg.TEST.THRESHOLDS))
    best = cfg.TEST.BEST_EVENT_PER_CLIP
    scores = score_clips(clips, labels, thresholds, best, Matching.from_config(cfg))
    return scores.mean["F1"]
