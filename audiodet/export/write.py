"""A model -> a file: the traced graph, its weights, and the card that says how to decode it.

The file needs none of torch, detectron2 and audiodet's configuration to run.
"""

import base64
import copy
import hashlib
import io
import json
import os
import warnings
from pathlib import Path

import numpy as np
import torch

from audiodet import __version__
from audiodet.errors import require_package
from audiodet.export.card import card_of
from audiodet.export.graphs import SegmentGraph, graph_of
from audiodet.files import atomic_path
from audiodet.inference.loading import load_model
from audiodet.weights import CARD

OPSET = 18
EXAMPLE = 10.0  # seconds of the clip that is traced
LARGE = 256  # values of a tensor that is worth storing in half precision


def export(model, path: str | os.PathLike, torchscript: bool = False, checkpoint: str = "") -> None:
    """Write a model's file, whole or not at all.

    Args:
        model: from :func:`~audiodet.inference.loading.load_model`, on the CPU.
        torchscript: a TorchScript archive instead of ONNX, whose card is the extra file
            "audiodet.json"; it needs torchvision's operators.
        checkpoint: the file that the model was read from; its hash tells whether both are alike.

    Raises:
        ConfigError: a system that cannot be exported.
        AudiodetError: onnx is not installed, or the folder cannot be written.
    """
    graph = graph_of(prepared(model)).eval()
    card = card_of(model)
    if checkpoint:
        card["checkpoint_sha256"] = hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()
    with warnings.catch_warnings(), torch.no_grad(), atomic_path(path) as temporary:
        warnings.simplefilter("ignore")  # of a tracer about constants, and of its age
        if torchscript:
            traced = torch.jit.trace(graph, example(model), check_trace=False)
            torch.jit.save(traced, str(temporary), {f"{CARD}.json": json.dumps(card)})
            return
        for verifier in model.verifiers:
            segments = SegmentGraph(prepared(verifier), verifier_length(model)).eval()
            inputs = (example(verifier), torch.arange(3))
            card["verifier"] = base64.b64encode(onnx_bytes(segments, inputs)).decode()
        temporary.write_bytes(onnx_bytes(graph, (example(model),), card))


def renew(checkpoint: str | os.PathLike) -> None:
    """Export a checkpoint anew where an exported file of before lies beside it."""
    path = Path(checkpoint).with_suffix(".onnx")
    if path.is_file():
        export(load_model(str(checkpoint), device="cpu"), path, checkpoint=str(checkpoint))


def example(model) -> torch.Tensor:
    """Samples of a clip to trace: noise, whose network sees all of its branches."""
    return torch.randn(round(EXAMPLE * model.cfg.INPUT.AUDIO.SAMPLE_RATE)) * 0.1


def verifier_length(model) -> int:
    """Frames of the segments that a model's verifier scores."""
    (length,) = {hook.length for hook in model.postprocessors if hook.verifier is not None}
    return length


def prepared(model):
    """A copy that a tracer can follow: it computes in float32 and keeps no maps."""
    twin = copy.deepcopy(model)
    for module in twin.modules():
        if isinstance(getattr(module, "precision", None), str):
            module.precision = "float32"
        if hasattr(module, "cache"):
            module.cache = None
        if isinstance(module, torch.nn.BatchNorm1d) and module.weight is None:
            count = module.num_features  # which the exporter would have to guess
            module.weight = torch.nn.Parameter(torch.ones(count))
            module.bias = torch.nn.Parameter(torch.zeros(count))
    return twin


def onnx_bytes(graph, inputs: tuple, card: dict | None = None) -> bytes:
    """A traced graph as ONNX, with its card."""
    require_package("onnx", "audiodet export")
    import onnx

    names = ("samples", "starts")[: len(inputs)]
    written = io.BytesIO()
    torch.onnx.export(
        graph,
        inputs,
        written,
        dynamo=False,  # torch.export does not follow proposals whose number depends on values
        opset_version=OPSET,
        # Weights stay what they were: halves that ship are stored as halves, see _in_half.
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        input_names=list(names),
        output_names=list(graph.names),
        dynamic_axes={name: {0: name} for name in names},
    )
    proto = onnx.load_from_string(written.getvalue())
    _in_half(proto)
    proto.producer_name, proto.producer_version = "audiodet", __version__
    proto.doc_string = "Sound event detection; the metadata's 'audiodet' says how to decode it."
    onnx.helper.set_model_props(proto, {} if card is None else {CARD: json.dumps(card)})
    onnx.checker.check_model(proto)
    return proto.SerializeToString()


def _in_half(proto) -> None:
    """Store weights that are halves as halves; they are made float32 when the file is loaded."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in proto.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        half = values.astype(np.float16)
        if values.size < LARGE or not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
