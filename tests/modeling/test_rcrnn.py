"""R-CRNN's layers by the published counts; clips of any length, alone or together."""

import pytest
import torch
from detectron2.modeling import build_model

from audiodet.engine.setup import load_config
from audiodet.modeling import keras_count
from audiodet.modeling.backbones.rcrnn import CRNN, ResNetStages
from audiodet.errors import ConfigError

PAPER_TABLE2 = {"babycry": 1_110_874, "glassbreak": 1_250_394, "gunshot": 1_782_094}


def make(name="babycry", *opts):
    torch.manual_seed(0)
    cfg = load_config(f"configs/rcrnn/{name}.yaml", ["MODEL.DEVICE", "cpu", *map(str, opts)])
    return build_model(cfg)


@pytest.mark.parametrize("name", PAPER_TABLE2)
def test_parameters_of_table_2(name):
    assert keras_count(make(name)) == PAPER_TABLE2[name]


@pytest.mark.parametrize("hidden", [128, 256, 512])
def test_one_more_class_adds_3m_plus_3(hidden):
    one, two = (
        keras_count(make("babycry", "MODEL.ROI_BOX_HEAD.FC_DIM", hidden, "DATASETS.LABELS", labels))
        for labels in (["a"], ["a", "b"])
    )
    assert two - one == 3 * hidden + 3


@pytest.mark.parametrize(
    "rnn, count", [("bigru", 2_338_638), ("gru", 1_642_738), ("none", 4_502_166)]
)
def test_parameters_of_table_1(rnn, count):
    opts = ["MODEL.CRNN.UNITS", 100, "MODEL.ROI_BOX_HEAD.FC_DIM", 512, "MODEL.CRNN.RNN", rnn]
    assert keras_count(make("babycry", *opts)) == count


def test_the_cnn_has_the_counted_parameters_and_shape():
    cnn = ResNetStages()
    assert keras_count(cnn) == 679_168
    assert cnn(torch.zeros(1, 1, 64, 1305)).shape == (1, 128, 7, 162)


@pytest.mark.parametrize("frames", [11, 12, 18, 19, 100, 1298, 1299, 1306, 1307])
def test_time_steps_of_any_length(frames):
    with torch.no_grad():
        features = CRNN(64).eval()(torch.zeros(1, 1, 64, frames))["time"]
    assert features.shape == (1, 100, 1, CRNN.steps(frames))
    assert CRNN.steps(1298) == 161 and CRNN.steps(1299) == CRNN.steps(1306) == 162


def test_keras_count_by_hand():
    model = torch.nn.ModuleList([torch.nn.BatchNorm2d(3), torch.nn.GRU(5, 4, bidirectional=True)])
    assert keras_count(model) == 3 * 4 + 2 * 3 * 4 * (5 + 4 + 1)


@pytest.mark.parametrize("name", ["rare", "frame_control"])
def test_unequal_lengths_in_a_batch_equal_one_by_one(name):
    model = make(name, "MODEL.BACKBONE.PRECISION", "float32").eval()
    model.clip_input.normalizer.mean += 1.0  # padding must be silence after normalising
    clips = [
        {"image": torch.randn(1, 64, t), "height": 1, "width": t * 0.023}
        for t in (900, 1305, 37, 5, 900)
    ]
    with torch.no_grad():
        together = model(clips)
        for clip, found in zip(clips, together):
            (alone,) = model([clip])
            a, b = alone["instances"], found["instances"]
            assert len(a) == len(b) and (name == "frame_control" or len(a))
            torch.testing.assert_close(a.pred_boxes.tensor, b.pred_boxes.tensor)
            torch.testing.assert_close(a.scores, b.scores, atol=1e-5, rtol=1e-4)
            if name == "frame_control":
                assert alone["frame_scores"].shape == found["frame_scores"].shape
                torch.testing.assert_close(
                    alone["frame_scores"], found["frame_scores"], atol=1e-5, rtol=1e-4
                )


def test_events_are_full_height_and_at_most_100_proposals():
    model = make("rare").eval()
    with torch.no_grad():
        (found,) = model.inference([{"image": torch.randn(1, 64, 1305)}], do_postprocess=False)
        images = model.preprocess_image([{"image": torch.randn(1, 64, 1305)}])
        proposals, _ = model.proposal_generator(images, model.backbone(images.tensor), None)
    assert len(found) and torch.all(found.pred_boxes.tensor[:, 1] == 0)
    assert torch.all(found.pred_boxes.tensor[:, 3] == 64)
    assert 0 < len(proposals[0]) <= 100


def test_wrong_band_counts_name_both_values():
    with pytest.raises(ConfigError, match="128 mel bands.*expects 64"):
        CRNN(64)(torch.zeros(1, 1, 128, 200))
    with pytest.raises(ConfigError, match="N_MELS is 10"):
        CRNN(10)
    with pytest.raises(ConfigError, match="MODEL.CRNN.RNN is 'lstm'"):
        CRNN(64, rnn="lstm")


def test_bfloat16_convolutions_stay_close():
    model = make("rare", "MODEL.BACKBONE.PRECISION", "float32").eval()
    image = {"image": torch.randn(1, 64, 600)}
    with torch.no_grad():
        exact = model.backbone(model.preprocess_image([image]).tensor)["time"]
        model.backbone.precision = "bfloat16"
        rough = model.backbone(model.preprocess_image([image]).tensor)["time"]
    assert 0 < (exact - rough).abs().max() < 0.05
