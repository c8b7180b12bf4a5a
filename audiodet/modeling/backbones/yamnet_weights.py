"""The published file of YAMNet, a TensorFlow Lite model: its weights, read without TensorFlow.

A flatbuffer's table begins with the way back to its vtable, which says where each field lies. The
numbers of fields are those of TensorFlow Lite's schema (version 3).
"""

import struct
from pathlib import Path

import numpy as np
import torch

from audiodet.modeling.backbones.mn04_weights import check_sha256
from audiodet.modeling.backbones.yamnet import YAMNet

YAMNET_SHA256 = "687f226c147a2caab4706fbbab5e9cecb14b9a368264bf61108078b1fddf68f5"
MODEL_SUBGRAPHS, MODEL_BUFFERS = 2, 4
GRAPH_TENSORS, GRAPH_OPERATORS = 0, 3
OPERATOR_INPUTS = 1
TENSOR_SHAPE, TENSOR_TYPE, TENSOR_BUFFER, TENSOR_QUANTIZATION = 0, 1, 2, 4
QUANTIZATION_SCALE, QUANTIZATION_AXIS = 2, 6
BUFFER_DATA = 0
TYPES = {0: "<f4", 9: "i1"}  # of tensors: float32, int8


class Table:
    """A table of a flatbuffer; fields are given by their numbers."""

    def __init__(self, data: bytes, position: int):
        self.data = data
        self.position = position

    @classmethod
    def root(cls, data: bytes) -> "Table":
        """The table that the buffer is about."""
        return cls(data, struct.unpack_from("<I", data, 0)[0])

    def scalar(self, field: int, form: str, default: int = 0) -> int:
        """A number in :mod:`struct`'s form."""
        place = self._place(field)
        return struct.unpack_from(form, self.data, place)[0] if place else default

    def table(self, field: int) -> "Table | None":
        """A table inside this one."""
        place = self._place(field)
        return Table(self.data, self._target(place)) if place else None

    def vector(self, field: int, dtype: str) -> np.ndarray:
        """A vector of numbers."""
        place = self._place(field)
        if not place:
            return np.zeros(0, dtype)
        start = self._target(place)
        (count,) = struct.unpack_from("<I", self.data, start)
        return np.frombuffer(self.data, dtype, count, start + 4)

    def tables(self, field: int) -> list["Table"]:
        """A vector of tables."""
        start = self._target(self._place(field))
        (count,) = struct.unpack_from("<I", self.data, start)
        places = range(start + 4, start + 4 + 4 * count, 4)
        return [Table(self.data, self._target(place)) for place in places]

    def _place(self, field: int) -> int:
        """Where a field lies; 0 where the table has none."""
        vtable = self.position - struct.unpack_from("<i", self.data, self.position)[0]
        (size,) = struct.unpack_from("<H", self.data, vtable)
        if 4 + 2 * field >= size:
            return 0
        (offset,) = struct.unpack_from("<H", self.data, vtable + 4 + 2 * field)
        return self.position + offset if offset else 0

    def _target(self, place: int) -> int:
        return place + struct.unpack_from("<I", self.data, place)[0]


def weights_of_layers(data: bytes) -> list[tuple[np.ndarray, np.ndarray]]:
    """(kernel, bias) float32 of each operator that has both, in the order of computation.

    An int8 kernel is multiplied by its scale, or by the scales along its quantised axis.
    """
    model = Table.root(data)
    graph = model.tables(MODEL_SUBGRAPHS)[0]
    tensors = graph.tables(GRAPH_TENSORS)
    buffers = model.tables(MODEL_BUFFERS)
    layers = []
    for operator in graph.tables(GRAPH_OPERATORS):
        inputs = operator.vector(OPERATOR_INPUTS, "<i4")
        if len(inputs) == 3:
            layers.append(tuple(_values(tensors[i], buffers) for i in inputs[1:]))
    return layers


def _values(tensor: Table, buffers: list[Table]) -> np.ndarray:
    dtype = TYPES[tensor.scalar(TENSOR_TYPE, "<b")]
    buffer = buffers[tensor.scalar(TENSOR_BUFFER, "<I")]
    shape = tensor.vector(TENSOR_SHAPE, "<i4")
    values = buffer.vector(BUFFER_DATA, "u1").view(dtype).reshape(shape).astype(np.float32)
    quantization = tensor.table(TENSOR_QUANTIZATION)
    if dtype == "i1":
        scale = quantization.vector(QUANTIZATION_SCALE, "<f4")
        sides = [1] * len(shape)
        sides[quantization.scalar(QUANTIZATION_AXIS, "<i")] = len(scale)
        values = values * scale.reshape(sides)
    return values


def read_yamnet(path: str) -> dict:
    """``yamnet.tflite`` -> tensors by the names of :class:`YAMNet`.

    Raises:
        WeightsError: no such file, or not this one.
    """
    check_sha256(path, YAMNET_SHA256)
    _, *convolutions, dense = weights_of_layers(Path(path).read_bytes())  # the first are its mels
    names = [name for name in YAMNet().state_dict() if name.endswith("weight")]
    tensors = {}
    for name, (kernel, bias) in zip(names, [*convolutions, dense], strict=True):
        if kernel.ndim == 4:
            kernel = _as_conv2d(kernel, is_depthwise=kernel.shape[0] == 1)
        tensors[name] = torch.from_numpy(np.ascontiguousarray(kernel))
        tensors[name.replace("weight", "bias")] = torch.from_numpy(bias)
    return tensors


def _as_conv2d(kernel: np.ndarray, is_depthwise: bool) -> np.ndarray:
    """TensorFlow Lite's (outputs or 1, time, bands, inputs) -> (outputs, inputs or 1, bands, time).

    Its input is time first, ours bands first.
    """
    return kernel.transpose(3, 0, 2, 1) if is_depthwise else kernel.transpose(0, 3, 2, 1)
