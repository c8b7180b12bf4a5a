"""The frame-level verifier: published counts, segments of exactly 200 frames, whole clips."""

import pytest
import torch
from detectron2.modeling import build_model
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage
from torch import nn

from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.modeling import keras_count
from audiodet.modeling.frame_events import frames_of_segments, mean_in_boxes, segment_starts


def make(*opts, name="verifier"):
    torch.manual_seed(0)
    opts = ["MODEL.DEVICE", "cpu", *map(str, opts)]
    model = build_model(load_config(f"configs/audiomask/{name}.yaml", opts))
    for module in model.modules():  # else two segments differ by no more than rounding
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=0.5)
    return model


@pytest.mark.parametrize("released, count", [(False, 803_529), (True, 10_998_728)])
def test_published_parameters(released, count):
    assert keras_count(make("MODEL.VERIFIER.RELEASED", released)) == count


def test_convolutions_by_their_steps():
    """Filters of 10 and 7 bands and one frame; norm, ReLU and a maximum over bands after each."""
    network = make().eval().convolutions
    first, second = (layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert (first.weight.shape, second.weight.shape) == ((64, 1, 10, 1), (256, 64, 7, 1))
    for norm in norms:
        nn.init.uniform_(norm.running_mean, -0.5, 0.5)
    x = torch.randn(1, 1, 128, 5)
    with torch.no_grad():
        bands = nn.functional.pad(x, (0, 0, 4, 5))
        maps = nn.functional.conv2d(bands, first.weight, first.bias)
        maps = norms[0](maps).relu()[:, :, :120].view(1, 64, 12, 10, 5).amax(3)
        maps = norms[1](second(maps)).relu()[:, :, :7].amax(2)
        torch.testing.assert_close(network(x), maps, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("labels", [["a"], ["a", "b", "c"]])
def test_200_frames_in_200_probabilities_out(released, labels):
    model = make("MODEL.VERIFIER.RELEASED", released, "DATASETS.LABELS", labels).eval()
    clip = {"image": torch.randn(1, 128, 200), "height": 1, "width": 4.6}
    with torch.no_grad():
        (scores,) = model.segment_scores([clip], [torch.tensor([0])], 200)
    assert scores.shape == (1, 200, len(labels)) and (0 <= scores).all() and (scores <= 1).all()


def test_the_released_network_reads_its_features_row_by_row():
    """As the authors' code does: no transpose, the second LSTM starts where the first ended."""
    model = make("MODEL.VERIFIER.RELEASED", True).eval()
    features = torch.randn(1, 256, 200)
    with torch.no_grad():
        rows = features[0].T.flatten().view(1, 256, 200)  # (200, 256) in memory, read as (256, 200)
        first, (h, c) = model.lstm1(rows)
        second, _ = model.lstm2(first, (h, c))
        expected = model.classifier(second.flatten()).view(1, 200, 1)
        torch.testing.assert_close(model.head(features), expected)
        paper = make().eval().head(features)
    assert (paper - expected).abs().max() > 1e-3


@pytest.mark.parametrize(
    "box, frames, start",
    [
        ((500.0, 540.0), 1305, 420),  # short: neighbours on both sides
        ((300.0, 700.0), 1305, 400),  # long: cropped about its centre
        ((0.0, 30.0), 1305, 0),  # at the borders the segment shifts inside
        ((1290.0, 1305.0), 1305, 1105),
        ((10.0, 30.0), 120, 0),  # a clip shorter than a segment
    ],
)
def test_segments_around_regions(box, frames, start):
    boxes = torch.tensor([[box[0], 0.0, box[1], 128.0]])
    starts = segment_starts(boxes, frames, 200)
    assert starts.tolist() == [start]
    assert frames_of_segments(starts, 200).shape == (1, 200)


def test_mean_over_the_box_by_hand():
    scores = torch.arange(10.0)[None].repeat(3, 1)
    boxes = torch.tensor([[102.0, 0, 105.0, 1], [102.5, 0, 104.2, 1], [90.0, 0, 300.0, 1]])
    starts = torch.tensor([100, 100, 100])
    assert mean_in_boxes(scores, boxes, starts).tolist() == [3.0, 3.0, 4.5]


def test_shared_frames_run_once_and_change_nothing():
    """Convolutions over all segments together equal each segment on its own."""
    model = make().eval()
    clips = [{"image": torch.randn(1, 128, t)} for t in (500, 120)]
    starts = [torch.tensor([0, 30, 300]), torch.tensor([0])]
    with torch.no_grad():
        together = model.segment_scores(clips, starts, 200)
        assert [x.shape for x in together] == [(3, 200, 1), (1, 200, 1)]
        segments = [(clips[0], first, scores) for first, scores in zip(starts[0], together[0])]
        for clip, first, scores in [*segments, (clips[1], 0, together[1][0])]:
            image = model.clip_input.normalizer(clip["image"][..., first : first + 200])
            image = torch.nn.functional.pad(image, (0, 200 - image.shape[-1]))
            alone = model.head(model.features(image[None])).sigmoid()[0]
            torch.testing.assert_close(scores, alone, atol=1e-5, rtol=1e-4)
        assert (together[0][0] - together[0][2]).abs().max() > 1e-3


def test_no_region_no_scores():
    found = (
        make()
        .eval()
        .segment_scores([{"image": torch.randn(1, 128, 300)}], [torch.zeros(0).long()], 200)
    )
    assert [x.shape for x in found] == [(0, 200, 1)]


@pytest.mark.parametrize("frames", [1305, 200, 90])
def test_whole_clips_of_any_length(frames):
    model = make().eval()
    clip = {"image": torch.randn(1, 128, frames), "height": 1, "width": frames * 0.023}
    with torch.no_grad():
        (found,) = model([clip])
        starts = list(range(0, max(frames - 200, 0), 100)) + [max(0, frames - 200)]
        (segments,) = model.segment_scores([clip], [torch.tensor(starts)], 200)
    assert found["frame_scores"].shape == (frames, 1)
    for frame in (0, frames // 2, frames - 1):
        own = [s[frame - a] for a, s in zip(starts, segments) if a <= frame < a + 200]
        torch.testing.assert_close(found["frame_scores"][frame], torch.stack(own).mean(0))


def test_training_on_segments_only():
    model = make()
    truth = Instances((128, 200))
    truth.gt_boxes, truth.gt_classes = (
        Boxes(torch.tensor([[50.0, 0, 90.0, 128]])),
        torch.tensor([0]),
    )
    clip = {"image": torch.randn(1, 128, 200), "instances": truth, "file_name": "a.wav"}
    with EventStorage() as storage:
        losses = model.train()([clip])
        assert 0 <= storage.latest()["frame_accuracy"][0] <= 1
    assert set(losses) == {"loss_frame"}
    with (
        EventStorage(),
        pytest.raises(ConfigError, match="a.wav: 201 frames, FrameVerifier trains on 200"),
    ):
        model([{**clip, "image": torch.randn(1, 128, 201)}])


def test_pools_must_leave_one_row():
    with pytest.raises(
        ConfigError, match="N_MELS is 64 and MODEL.VERIFIER.POOLS .10, 7. leave 0 rows"
    ):
        make("INPUT.SPECTROGRAM.N_MELS", 64)
    assert make("INPUT.SPECTROGRAM.N_MELS", 64, "MODEL.VERIFIER.POOLS", [8, 8])
