"""Systems that the papers compare with, as far as their texts define them."""

import pytest
import torch
from detectron2.modeling import build_model

from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.modeling import keras_count
from audiodet.modeling.time_pooling import pool


def make(name, *opts):
    torch.manual_seed(0)
    small = ["MODEL.DEVICE", "cpu", "MODEL.BACKBONE.PRECISION", "float32"]
    return build_model(load_config(f"configs/{name}.yaml", [*small, *opts])).eval()


RPN = 3 * 1920 * 128 + 128 + 3 * 6 * (128 + 1)  # kernel 3, then six scores and twelve deltas
COUNTS = {
    # Five frames of 40 bands, two layers of 50, one output.
    "rcrnn/dcase_baseline": 200 * 50 + 50 + 50 * 50 + 50 + 50 + 1,
    # Filters of 32 bands, their norm, two LSTM layers with one bias a gate, one output.
    "rcrnn/crnn_1d": 32 * 128 + 128 + 4 * 128 + 2 * 4 * 128 * (128 + 128 + 1) + 129,
    # R-CRNN's convolutions; of 15 bands 1,920 channels; of seven bins two scores and two deltas.
    "rcrnn/time_rfcn": 679_168 + RPN + 4 * (7 * 1920 + 1),
    # The paper's eight convolutions and its output layer, for attention a second one.
    "tfseg/dcase2018_frames_max": 587_593 + 2 * 704,
    "tfseg/dcase2018_attention": 587_593 + 2 * 704 + 41 * 129,
}


@pytest.mark.parametrize("name", COUNTS)
def test_parameters(name):
    assert keras_count(make(name)) == COUNTS[name]


def test_regions_of_rfcn_are_voted_by_their_bins():
    """By R-FCN's own steps: score maps of each bin, each pooled at its bin, and their mean."""
    model = make("rcrnn/time_rfcn")
    heads, bins = model.roi_heads, 7
    torch.nn.init.normal_(heads.box_predictor.cls_score.weight)
    maps = torch.randn(1, 1920, 1, 160)
    times = torch.tensor([[[100.0, 400.0], [37.0, 61.5], [800.0, 1279.0]]])
    with torch.no_grad():
        scores, _ = heads._predict([maps], times, 128)
        weights = bins * heads.box_predictor.cls_score.weight.view(2, 1920, bins)
        votes = torch.zeros(3, 2)
        for i in range(bins):
            score_maps = torch.einsum("kc,nchs->nkhs", weights[..., i], maps)
            votes += pool(heads.box_pooler, [score_maps], times, 128)[:, :, 0, i] / bins
    expected = votes + heads.box_predictor.cls_score.bias
    torch.testing.assert_close(scores[0], expected, rtol=1e-3, atol=1e-3)


def test_rfcn_is_fully_convolutional():
    """No recurrent layer, and nothing between the pooled regions and the scores."""
    model = make("rcrnn/time_rfcn")
    assert not any(isinstance(layer, torch.nn.GRU) for layer in model.modules())
    assert not list(model.roi_heads.box_head.parameters())


def test_the_baseline_sees_five_frames():
    model = make("rcrnn/dcase_baseline")
    clip = torch.randn(1, 1, 40, 30)
    other = clip.clone()
    other[..., 10] += 1.0
    with torch.no_grad():
        apart = (model.batch_logits(clip) != model.batch_logits(other))[0, :, 0]
    assert apart.nonzero().flatten().tolist() == [8, 9, 10, 11, 12]
    assert model.median_steps == 27  # .54 s


def test_the_1d_crnn_hears_one_frame_before_its_lstm():
    model = make("rcrnn/crnn_1d")
    backbone = model.backbone
    clip = torch.randn(1, 1, 128, 40)
    other = clip.clone()
    other[..., 20] += 1.0
    with torch.no_grad():
        assert backbone.convolution(clip).shape == (1, 128, 97, 40)
        before, after = (backbone(x)["time"][0, :, 0] for x in (clip, other))
        batch = torch.cat([clip, torch.nn.functional.pad(other[..., :25], (0, 15))])
        together = backbone(batch, [40, 25])["time"][1, :, 0, :25]
    assert torch.equal(before[:, :20], after[:, :20]) and not torch.equal(before, after)
    torch.testing.assert_close(together, after[:, :25])
    with pytest.raises(ConfigError, match="N_MELS is 20, expected at least the 32 bands"):
        make("rcrnn/crnn_1d", "INPUT.SPECTROGRAM.N_MELS", "20")
