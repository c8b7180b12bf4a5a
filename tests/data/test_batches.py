"""A batch between processes: what arrives is what was sent, as one tensor."""

from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
import torch
from detectron2.structures import Boxes, Instances

from audiodet.data.batches import Batch


def clips(*frames):
    batch = Batch()
    for number, length in enumerate(frames):
        truth = Instances((4, length))
        truth.gt_boxes = Boxes(torch.rand(number, 4))
        truth.gt_classes = torch.arange(number)
        clip = {"image": torch.randn(1, 4, length), "instances": truth, "width": 0.1 * length}
        batch.append({**clip, "array": np.arange(3), "clip_labels": torch.zeros(2)})
    return batch


@pytest.mark.parametrize("frames, tensors", [((9, 9, 9), 1), ((9, 7), 2)])
def test_what_arrives_is_what_was_sent(monkeypatch, frames, tensors):
    reduce = ForkingPickler._extra_reducers[torch.Tensor]
    seen = []
    counting = {torch.Tensor: lambda tensor: seen.append(tensor) or reduce(tensor)}
    monkeypatch.setattr(
        ForkingPickler, "_extra_reducers", {**ForkingPickler._extra_reducers, **counting}
    )
    sent = clips(*frames)
    arrived = ForkingPickler.loads(ForkingPickler.dumps(sent))
    assert len(seen) == tensors and len(arrived) == len(sent)
    for a, b in zip(arrived, sent):
        assert list(a) != [] and a.keys() == b.keys() and a["width"] == b["width"]
        assert torch.equal(a["image"], b["image"]) and torch.equal(a["clip_labels"], torch.zeros(2))
        assert isinstance(a["array"], np.ndarray)
        assert a["instances"].image_size == b["instances"].image_size
        assert torch.equal(a["instances"].gt_boxes.tensor, b["instances"].gt_boxes.tensor)
        assert torch.equal(a["instances"].gt_classes, b["instances"].gt_classes)
