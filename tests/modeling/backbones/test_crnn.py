"""Çakır et al.'s networks by their published sizes; clips of any length, alone or together."""

import math

import pytest
import torch
from detectron2.modeling import build_model
from detectron2.solver import build_lr_scheduler
from torch import nn

from audiodet.engine.optimizer import build_optimizer
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.modeling import keras_count
from audiodet.modeling.backbones.crnn import (
    ConnectedLayer,
    ConvolutionLayer,
    FrameStack,
    RecurrentLayer,
)

BASE = {
    "pools": (5, 4, 2),
    "maps": 256,
    "kernel": (5, 5),
    "rnn_layers": 0,
    "rnn_units": 256,
    "fc_layers": 0,
    "fc_units": 256,
    "maxout": 1,
    "context": 1,
    "dropout": 0.25,
}
KINDS = {
    "crnn": {"rnn_layers": 1},
    "cnn": {"fc_layers": 1},
    "rnn": {"pools": (), "rnn_layers": 2, "fc_layers": 1},
    "fnn": {"pools": (), "fc_layers": 2, "maxout": 2, "context": 5},
}


def small(kind, **more):
    torch.manual_seed(0)
    sizes = {"maps": 6, "rnn_units": 5, "fc_units": 7}
    return FrameStack(40, **{**BASE, **sizes, **KINDS[kind], **more})


@pytest.mark.parametrize("kind", KINDS)
def test_a_feature_vector_every_frame(kind):
    network = small(kind).eval()
    with torch.no_grad():
        for frames in (1, 2, 31, 300):
            features = network(torch.randn(2, 1, 40, frames))["time"]
            shape = network.output_shape()["time"]
            assert (
                features.shape == (2, shape.channels, 1, network.steps(frames))
                and shape.stride == 1
            )


@pytest.mark.parametrize("kind", KINDS)
def test_unequal_lengths_in_a_batch_equal_one_by_one(kind):
    network = small(kind).eval()
    clips = [torch.randn(1, 1, 40, frames) for frames in (30, 50, 7)]
    batch = torch.cat([nn.functional.pad(c, (0, 50 - c.shape[-1])) for c in clips])
    with torch.no_grad():
        together = network(batch, [30, 50, 7])["time"]
        for found, clip in zip(together, clips):
            alone = network(clip)["time"][0]
            torch.testing.assert_close(found[..., : clip.shape[-1]], alone, rtol=1e-4, atol=1e-5)


def test_context_stacks_the_frames_around():
    network = small("fnn")
    x = torch.arange(6.0).repeat(1, 1, 40, 1)
    stacked = network._with_neighbours(x)  # (1, 200, 1, 6)
    assert stacked.shape == (1, 200, 1, 6)
    assert stacked[0, 35:40, 0, 0].tolist() == [0, 0, 0, 1, 2]
    assert stacked[0, :5, 0, 3].tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(ConfigError, match="CONTEXT is 4, expected an odd number"):
        small("fnn", context=4)


def test_dropout_is_constant_along_the_sequence():
    """With a mask that stays, constant inputs let the state settle; new masks shake it."""
    torch.manual_seed(0)
    layer = RecurrentLayer(8, 6, 0.5)
    with torch.no_grad():
        x = torch.ones(3, 400, 8)
        y = layer.train()(x)
        torch.testing.assert_close(y[:, -1], y[:, -2])
        assert not torch.allclose(y[0, -1], y[1, -1])  # each clip has its own inputs
        assert not torch.allclose(layer(x)[:, -1], y[:, -1])  # each step draws anew
        before = layer.gru.weight_hh_l0.clone()
        layer(x)
        assert torch.equal(layer.gru.weight_hh_l0, before)
        layer.eval()
        assert torch.equal(layer(x), layer.gru(x)[0])


def test_the_recurrent_weights_learn_through_dropout():
    layer = RecurrentLayer(4, 3, 0.25).train()
    layer(torch.randn(2, 10, 4)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in layer.parameters())


def test_maxout_by_hand():
    layer = ConnectedLayer(2, 1, 2, 0.0)
    layer.linear.weight.data = torch.tensor([[1.0, 0.0], [0.0, -1.0]])
    layer.linear.bias.data = torch.tensor([0.0, 0.5])
    assert layer(torch.tensor([[[-3.0, 2.0], [1.0, 5.0]]]))[0, :, 0].tolist() == [-1.5, 1.0]


def test_pools_that_leave_no_band():
    with pytest.raises(ConfigError, match=r"N_MELS is 40: MODEL.FRAME_STACK.POOLS \[5, 4, 4\]"):
        FrameStack(40, **{**BASE, "pools": (5, 4, 4)})
    with pytest.raises(ConfigError, match="64 mel bands, the backbone expects 40"):
        small("crnn")(torch.zeros(1, 1, 64, 10))


def test_a_grown_network_counts_as_by_hand():
    """One convolution of 5 x 5 with bias and batch norm, a GRU with one bias, a linear layer."""
    network = FrameStack(
        40,
        **{
            **BASE,
            "pools": (40,),
            "maps": 3,
            "rnn_layers": 1,
            "rnn_units": 4,
            "fc_layers": 1,
            "fc_units": 2,
        },
    )
    assert keras_count(network) == (25 * 3 + 3 + 4 * 3) + 3 * 4 * (3 + 4 + 1) + (4 * 2 + 2)


# Table I by Keras' rule with four numbers a batch-normalised channel (two of them statistics), also
# of fully connected layers; the FNN's baseline has no batch norm.
TABLE_1 = {
    "synthetic_cnn": 3_753_744,
    "synthetic_rnn": 4_535_824,
    "synthetic_crnn": 3_685_136,
    "synthetic_fnn": 1_616_016,
    "tut2009_cnn": 3_369_533,
    "tut2009_rnn": 1_299_005,
    "tut2009_crnn": 3_696_701,
    "tut2016_cnn": 3_358_225,
    "tut2016_rnn": 1_287_697,
    "tut2016_crnn": 743_633,
    "tut2016_fnn": 1_616_817,
    "chime_cnn": 3_617_799,
    "chime_rnn": 690_695,
    "chime_crnn": 6_108_935,
}


@pytest.mark.parametrize("name", TABLE_1)
def test_parameters_of_table_1(name):
    model = build_model(load_config(f"configs/crnn/{name}.yaml", ["MODEL.DEVICE", "cpu"]))
    assert keras_count(model) == TABLE_1[name]


# Sequence lengths of Table I in seconds; CHiME-Home's chunks are whole.
SEQUENCES = {
    "synthetic_cnn": 2.56,
    "synthetic_rnn": 5.12,
    "synthetic_crnn": 20.48,
    "tut2009_cnn": 2.56,
    "tut2009_rnn": 20.48,
    "tut2009_crnn": 20.48,
    "tut2016_cnn": 2.56,
    "tut2016_rnn": 20.48,
    "tut2016_crnn": 2.56,
    "chime_cnn": 0,
    "chime_rnn": 0,
    "chime_crnn": 0,
}


# Training recordings (TUT 2016: of a fold, without validation's) and their mean length in seconds.
CORPORA = {
    "synthetic": (60, 339.6),
    "tut2009": (62, 658),
    "tut2016": (12.5, 213),
    "chime": (1245, 4),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_settings_of_the_paper(name):
    """Table I's sequences, in testing too; statistics over all clips; a look is an epoch."""
    cfg = load_config(f"configs/crnn/{name}.yaml", ["MODEL.DEVICE", "cpu"])
    assert cfg.INPUT.SEQUENCE.FRAMES * 0.02 == pytest.approx(SEQUENCES[name])
    assert cfg.INPUT.SEQUENCE.AT_TEST and cfg.INPUT.SPECTROGRAM.NORMALIZE_CLIPS >= 10**6
    assert cfg.MODEL.FRAME_STACK.FC_NORM and cfg.MODEL.FRAME_STACK.DROPOUT == 0.25
    corpus = name.split("_")[0]
    recordings, seconds = CORPORA[corpus]
    epoch = recordings * math.ceil(seconds / (SEQUENCES[name] or seconds))
    assert cfg.TEST.EVAL_PERIOD * cfg.SOLVER.IMS_PER_BATCH == pytest.approx(epoch, rel=0.07)
    assert not cfg.SOLVER.STEPS and not cfg.SOLVER.WARMUP_ITERS  # a constant rate
    metric = ("tagging/EER", "min") if corpus == "chime" else ("micro_0.02s/F1", "max")
    stop, best = cfg.SOLVER.EARLY_STOP, cfg.SOLVER.BEST
    assert (stop.METRIC, stop.MODE) == metric
    if corpus == "tut2009":  # which has no public split
        assert stop.PATIENCE == 0 and not best.METRIC
    else:
        assert stop.PATIENCE == 100 and cfg.DATASETS.VAL and (best.METRIC, best.MODE) == metric
        assert not set(cfg.DATASETS.VAL) & {*cfg.DATASETS.TRAIN, *cfg.DATASETS.TEST}


def test_adam_has_its_papers_defaults():
    """Kingma and Ba 2015: rate .001, beta .9 and .999, epsilon 1e-8; no decay of weights."""
    model = tagger()
    cfg = load_config("configs/crnn/synthetic_crnn.yaml", ["MODEL.DEVICE", "cpu"])
    optimizer = build_optimizer(cfg, model)
    for group in optimizer.param_groups:
        assert (group["lr"], group["betas"], group["eps"]) == (1e-3, (0.9, 0.999), 1e-8)
        assert group["weight_decay"] == 0 and not group["amsgrad"]
    scheduler = build_lr_scheduler(cfg, optimizer)
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    assert {group["lr"] for group in optimizer.param_groups} == {1e-3}


def test_a_convolutional_layer_by_hand():
    """Convolution, norm, ReLU, the maximum of every two bands, then dropout of whole units."""
    torch.manual_seed(0)
    layer = ConvolutionLayer(2, 3, (5, 5), 2, 0.25)
    norm = layer.norm
    for statistics in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(statistics)
    norm.running_var.fill_(4.0)
    x = torch.randn(2, 2, 8, 30)
    with torch.no_grad():
        filters = layer.convolution
        y = nn.functional.conv2d(nn.functional.pad(x, (2, 2, 2, 2)), filters.weight, filters.bias)
        scale, offset, mean = (
            v.view(1, 3, 1, 1) for v in (norm.weight, norm.bias, norm.running_mean)
        )
        y = ((y - mean) / 2 * scale + offset).clamp(min=0)
        expected = torch.maximum(y[:, :, ::2], y[:, :, 1::2])
        torch.testing.assert_close(layer.eval()(x), expected, rtol=1e-3, atol=1e-4)
        layer.dropout.train()
        dropped = layer(x)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], (expected / 0.75)[kept], rtol=1e-3, atol=1e-4)
    lost = (~kept & (expected > 0)).sum() / (expected > 0).sum()
    assert lost.item() == pytest.approx(0.25, abs=0.06)


def test_batch_norm_behind_fully_connected_layers():
    """Over clips and frames: before the ReLU a unit has mean 0 and deviation 1."""
    torch.manual_seed(0)
    layer = ConnectedLayer(4, 3, 1, 0.0, norm=True).train()
    x = 5 + torch.randn(2, 30, 4)
    y = layer.linear(x)
    normed = (y - y.mean((0, 1))) / y.var((0, 1), unbiased=False).sqrt()
    torch.testing.assert_close(layer(x), normed.relu(), rtol=1e-3, atol=1e-3)


def test_initialisation_of_he():
    """Deviation sqrt(2 / fan-in) of convolutions, fully connected and a GRU's input weights."""
    torch.manual_seed(0)
    sizes = {"fc_layers": 2, "rnn_layers": 1, "rnn_units": 64, "fc_units": 128, "maps": 64}
    network = FrameStack(40, **{**BASE, **sizes})
    weights = [(network.convolutions[1].convolution.weight, 64 * 25)]
    weights.append((network.connected[1].linear.weight, 128))
    weights.append((network.recurrent[0].gru.weight_ih_l0, 64))
    for weight, fan_in in weights:
        assert weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.05)
    for gate in network.recurrent[0].gru.weight_hh_l0.chunk(3):
        torch.testing.assert_close(gate @ gate.T, torch.eye(64), atol=1e-5, rtol=0)
    assert all((p == 0).all() for n, p in network.named_parameters() if n.endswith("linear.bias"))


def test_the_output_layer_starts_alike():
    classifier = tagger("MODEL.FRAME_STACK.RNN_UNITS", "512").classifier
    assert (classifier.bias == 0).all()
    assert classifier.weight.std().item() == pytest.approx((2 / 512) ** 0.5, rel=0.05)


def tagger(*opts):
    torch.manual_seed(0)
    sizes = [
        "MODEL.FRAME_STACK.MAPS",
        "3",
        "MODEL.FRAME_STACK.RNN_UNITS",
        "4",
        "MODEL.DEVICE",
        "cpu",
    ]
    return build_model(load_config("configs/crnn/chime_crnn.yaml", [*sizes, *opts])).eval()


def test_features_are_pooled_before_the_output_layer():
    """CHiME-Home: one vector of maxima goes into the output layer, in training and after it."""
    model = tagger()
    clip = {"image": torch.randn(1, 40, 50), "clip_labels": torch.tensor([1.0, 0, 0, 0, 0, 0, 0])}
    with torch.no_grad():
        features = model.backbone(model.clip_input([clip], "cpu").tensor)["time"][0, :, 0]
        logits = model.classifier(features.amax(1))
        (found,) = model([clip])
        torch.testing.assert_close(found["clip_scores"], logits.sigmoid())
        assert not torch.allclose(found["clip_scores"], found["frame_scores"].amax(0))
        for module in model.modules():
            module.training = module is model
        loss = model([clip])["loss_clip"]
    bce = nn.functional.binary_cross_entropy_with_logits
    torch.testing.assert_close(loss, bce(logits, clip["clip_labels"]))
    with pytest.raises(ConfigError, match="POOL_FEATURES is True with LOSS 'frame'"):
        tagger("MODEL.TAGGER.LOSS", "frame")


def test_test_clips_go_through_in_sequences():
    """Without overlap, the last one shorter: each as if it came alone."""
    sequence = ["INPUT.SEQUENCE.FRAMES", "20", "MODEL.TAGGER.POOL_FEATURES", "False"]
    model = tagger(*sequence)
    clips = [{"image": torch.randn(1, 40, frames)} for frames in (50, 30, 50)]
    with torch.no_grad():
        for found, clip in zip(model.step_logits(clips), clips):
            parts = [{"image": part} for part in clip["image"].split(20, -1)]
            alone = torch.cat([model.step_logits([part])[0] for part in parts])
            torch.testing.assert_close(found, alone, rtol=1e-4, atol=1e-5)
        model.sequence = 0
        whole = model.step_logits(clips)[0]
    assert not torch.allclose(whole[20:], found[20:], atol=1e-3)
