"""`detect --device cuda` without a GPU: a stand-in that counts what a GPU would be waited for."""

import numpy as np
import pytest
import torch
from torch.utils._pytree import tree_map

from audiodet.data.spectrogram import LogMel
from audiodet.inference import features
from audiodet.inference.detector import Detector
from audiodet.modeling import intervals, time_heads
from audiodet.modeling.hooks import fusion
from tests.inference.sounds import sound
from tests.systems import RATE, build, save_verifier

# Operations whose result the host must have before it goes on.
WAITS = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "_unique2", "masked_select")
SYSTEMS = [
    ("rcrnn/rare", []),  # with box voting
    ("crnn/poly_mini", ["MODEL.TAGGER.LOW_THRESHOLD", 0.0]),
    ("self_mask/weak_mini", ["MODEL.TAGGER.LOW_THRESHOLD", 0.0]),
]


class OnDevice(torch.Tensor):
    """A tensor as on a GPU: what is computed of it is there too, and the host cannot read it."""

    waits = []

    @staticmethod
    def __new__(cls, own):
        made = torch.Tensor._make_wrapper_subclass(cls, own.shape, dtype=own.dtype)
        made.own = own
        return made

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        name = function.name().partition("::")[2].partition(".")[0]
        indexed = name == "index" and any(x is not None and x.dtype == torch.bool for x in args[1])
        if name in WAITS or indexed:
            cls.waits.append(name)
        own = tree_map(lambda x: x.own if isinstance(x, cls) else x, (args, kwargs or {}))
        made = function(*own[0], **own[1])
        return tree_map(lambda x: cls(x) if isinstance(x, torch.Tensor) else x, made)


@pytest.fixture
def device(monkeypatch):
    """Log-mels are made on the stand-in; gives the batches that were, and those received."""
    batches = []
    received = []

    def moved(log_mel: LogMel, name):
        def front_end(waves):
            batches.append(tuple(waves.shape))
            return OnDevice(log_mel(waves))

        return front_end

    def receive(tensors):
        if not any(isinstance(x, OnDevice) for x in tensors):
            return list(tensors)  # of the same model on the CPU
        received.append(len(tensors))
        return [x.own for x in tensors]

    monkeypatch.setattr(features, "_moved", moved)
    for module in (time_heads, intervals, fusion):
        monkeypatch.setattr(module, "receive", receive)
    OnDevice.waits.clear()
    return batches, received


def on_device(name, opts):
    """A detector that believes its device is not the CPU."""
    model = build(name, *opts)
    model.cfg.defrost()
    model.cfg.MODEL.DEVICE = "cpu:0"
    return Detector(model, window=6.0, overlap=2.5, floor=0.0)


def recordings():
    """20 clips of 4 s, 20 of 2 s in between, and one across windows."""
    clips = [sound(4.0 - 2.0 * (i % 2), i).astype(np.float32) for i in range(40)]
    return [(samples, RATE) for samples in [*clips, sound(14.0).astype(np.float32)]]


@pytest.mark.parametrize("name, opts", SYSTEMS, ids=lambda x: x if isinstance(x, str) else "")
def test_files_share_batches(name, opts, device):
    batches, received = device
    detector = on_device(name, opts)
    found = list(detector.detect_many(recordings(), workers=1))
    assert not any(one.error for one in found)
    windows = 40 + len(range(0, 14 * RATE - detector.grid.size, detector.grid.advance)) + 1
    assert sum(count for count, _ in batches) == windows
    calls = -(-windows // 16)
    assert len(batches) <= 4 * calls  # one for each length in a batch of 16
    assert calls <= len(received) <= len(batches)
    alone = Detector(build(name, *opts), window=6.0, overlap=2.5, floor=0.0)
    for ours, theirs in zip(found, alone.detect_many(recordings())):
        assert [e.label for e in ours.events] == [e.label for e in theirs.events]
        for a, b in zip(ours.events, theirs.events):
            assert a[:2] == pytest.approx(b[:2], abs=1e-3)
            assert a.score == pytest.approx(b.score, abs=1e-4)


@pytest.mark.parametrize("name, opts", SYSTEMS, ids=lambda x: x if isinstance(x, str) else "")
def test_no_clip_is_waited_for(name, opts, device):
    """However many share a batch; and its results are fetched together."""
    _, received = device
    detector = on_device(name, opts)
    clip = detector.features(sound(4.0).astype(np.float32))
    waits = []
    for count in (4, 16):
        OnDevice.waits.clear()
        assert len(detector.listen([clip] * count)) == count
        waits.append(list(OnDevice.waits))
    assert waits[0] == waits[1] and len(received) == 2


def test_a_fused_detectors_scores_are_fetched_together(device, tmp_path):
    _, received = device
    options = ["MODEL.FUSION.VERIFIER", save_verifier(tmp_path), "MODEL.FUSION.MIN_SCORE", 0.0]
    detector = on_device("audiomask/R_18_fused", options)
    clip = detector.features(sound(4.0).astype(np.float32))
    heard = detector.listen([clip] * 3)
    assert all(one.events for one in heard) and received == [4, 3]  # of regions, of verified ones


@pytest.mark.parametrize("lengths", [(5, 5, 5), (5, 3, 5)])
def test_samples_are_pinned_and_copied_while_others_work(lengths, monkeypatch):
    """A batch for each length, in memory that a GPU copies from by itself."""
    empty, to = torch.empty, torch.Tensor.to
    pinned, copied = [], []

    def new(*size, pin_memory=False):
        pinned.append(pin_memory)
        return empty(*size)

    def move(tensor, device, non_blocking=False):
        copied.append((str(device), non_blocking, len(tensor)))
        return tensor

    monkeypatch.setattr(features, "_moved", lambda log_mel, device: lambda waves: waves[:, None])
    monkeypatch.setattr(torch, "empty", new)
    monkeypatch.setattr(torch.Tensor, "to", move)
    log_mel = LogMel(RATE, 4, 1, 2, 0.0)
    inputs = features.features_on(log_mel, [torch.ones(n) for n in lengths], "cuda:0")
    monkeypatch.setattr(torch.Tensor, "to", to)
    assert [x["image"].shape[-1] for x in inputs] == list(lengths)
    counts = [lengths.count(n) for n in sorted(set(lengths))]
    assert pinned == [True] * len(counts)
    assert copied == [("cuda:0", True, count) for count in counts]


def test_results_are_copied_before_a_gpu_is_waited_for(monkeypatch):
    asked = []

    class OfGPU:
        device = torch.device("cuda", 0)

        def to(self, device, non_blocking):
            asked.append((device, non_blocking))
            return "copy"

    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: asked.append(device))
    assert intervals.receive([OfGPU(), OfGPU()]) == ["copy", "copy"]
    assert asked == [("cpu", True), ("cpu", True), torch.device("cuda", 0)]
