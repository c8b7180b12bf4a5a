"""mn04: the published network, its front end and what a detector sees of it."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from audiodet.audio.io import read_audio
from audiodet.data.front_ends import PublishedEfficientATFrontEnd
from audiodet.errors import WeightsError
from audiodet.modeling.backbones.map_cache import MapCache
from audiodet.modeling.backbones.mn04 import MN04, SqueezeExcitation, running_mean
from audiodet.modeling.backbones.mn04_weights import read_mn04
from audiodet.modeling.backbones.pretrained import PretrainedSteps
from audiodet.modeling.backbones.step_neck import averaged, interpolated

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "pretrained" / "mn04_as_mAP_432.pt"
# Rows of AudioSet's class list: "Baby cry, infant cry" and "Crying, sobbing"; "Glass", "Chink,
# clink" and "Shatter"; "Gunshot, gunfire" and its children.
AUDIOSET = {"babycry": (22, 23), "glassbreak": (441, 442, 443), "gunshot": range(427, 433)}
NECK = {"channels": 8, "context": "conv", "kernel": 3, "dropout": 0.0}


@pytest.fixture(scope="module")
def published() -> MN04:
    """The network with its published weights."""
    if not PUBLISHED.is_file():
        pytest.skip(f"the published weights are not at {PUBLISHED}")
    network = MN04()
    network.load_state_dict(read_mn04(str(PUBLISHED)))
    return network.eval()


@pytest.fixture
def small_input():
    torch.manual_seed(0)
    return torch.randn(2, 1, 128, 320)


def trunk(window_frames: int = 0) -> MN04:
    torch.manual_seed(1)
    network = MN04(window_frames).eval()
    for module in network.modules():
        if isinstance(module, SqueezeExcitation):  # so that its weights differ from one half
            module.fc1.weight.data *= 20
            module.fc2.weight.data *= 20
    return network


def test_size_is_the_published_one():
    network = trunk()
    assert sum(p.numel() for p in network.parameters()) == 983_599
    assert sum(p.numel() for p in network.features.parameters()) == 516_128


def test_steps_of_the_maps(small_input):
    shapes = {k: tuple(x.shape) for k, x in trunk().maps(small_input).items()}
    assert shapes == {6: (2, 16, 16, 40), 12: (2, 48, 8, 20), 16: (2, 384, 4, 10)}


@pytest.mark.parametrize("window", [0, 100])
def test_a_padded_clip_has_the_maps_that_it_has_alone(small_input, window):
    network, length = trunk(window), 203
    padded = small_input.clone()
    padded[0, ..., length:] = 0
    together = network.maps(padded, [length, 320])
    alone = network.maps(padded[:1, ..., :length])
    for layer, x in alone.items():
        steps = x.shape[-1]
        torch.testing.assert_close(together[layer][:1, ..., :steps], x, atol=1e-5, rtol=1e-4)
        assert not together[layer][0, ..., steps:].any()


def test_windowed_squeeze_excitation_does_not_depend_on_the_clips_length():
    torch.manual_seed(0)
    x = torch.randn(1, 1, 128, 3200)
    difference = {}
    for window in (0, 400):
        network = trunk(window)
        long, short = (network.maps(part)[16][..., :10] for part in (x, x[..., :2240]))
        # Step 10 hears squeeze-excitation of half a window around it, in eight layers.
        difference[window] = float((long - short).abs().max() / long.abs().max())
    assert difference[400] < 1e-5 < 1e-4 < difference[0]


def test_running_mean_is_the_mean_of_what_is_there():
    x = torch.arange(12.0).reshape(1, 6, 2)
    means = running_mean(x, 2)
    expected = [x[0, max(0, i - 1) : i + 2].mean(0) for i in range(6)]
    torch.testing.assert_close(means[0], torch.stack(expected))
    padded = running_mean(torch.cat([x, torch.zeros_like(x)], 1), 2, [6])
    torch.testing.assert_close(padded[0, :6], means[0])


def test_steps_keep_their_times_between_strides():
    coarse = torch.tensor([[[0.0, 2.0, 4.0]]])  # of steps at 0, 2 and 4
    torch.testing.assert_close(interpolated(coarse, 5), torch.tensor([[[0.0, 1, 2, 3, 4]]]))
    fine = torch.arange(8.0).reshape(1, 1, 8)
    torch.testing.assert_close(averaged(fine, 4)[0, 0, 1:], torch.tensor([2.0, 4.0, 6.0]))


def test_the_trunk_does_not_learn_and_keeps_its_statistics(small_input):
    backbone = PretrainedSteps(trunk(), scores=True, **NECK).train()
    before = {k: x.clone() for k, x in backbone.trunk.state_dict().items()}
    backbone(small_input)["time"].sum().backward()
    assert all(p.grad is None for p in backbone.trunk.parameters())
    assert backbone.necks[0].projections["16"].weight.grad.abs().max() > 0
    after = backbone.trunk.state_dict()
    assert all(torch.equal(x, after[k]) for k, x in before.items())


def test_layers_from_a_number_on_learn(small_input):
    backbone = PretrainedSteps(trunk(), learned_from=13, **NECK).train()
    backbone(small_input)["time"].sum().backward()
    learned = {
        int(k.split(".")[1]) for k, p in backbone.trunk.named_parameters() if p.grad is not None
    }
    assert learned == {13, 14, 15, 16}


@pytest.mark.parametrize("lengths", [None, [203, 320]])
def test_maps_from_the_cache_are_those_of_the_trunk(small_input, lengths, tmp_path, monkeypatch):
    if lengths:
        small_input[0, ..., lengths[0] :] = 0
    plain = PretrainedSteps(trunk(), **NECK).eval()
    cached = PretrainedSteps(trunk(), cache=MapCache(str(tmp_path), "test"), **NECK).eval()
    cached.load_state_dict(plain.state_dict())
    expected = plain(small_input, lengths)["time"]
    for _ in range(2):  # computed, then read
        found = cached(small_input, lengths)["time"]
        torch.testing.assert_close(found, expected, atol=5e-3, rtol=5e-3)
        monkeypatch.setattr(cached.trunk, "maps", None)
    assert len(list(tmp_path.rglob("*.npz"))) == len(small_input)


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "other.pt"
    torch.save({}, path)
    with pytest.raises(WeightsError, match=r"other\.pt: has sha256 \w+, expected 899a8c62"):
        read_mn04(str(path))
    with pytest.raises(WeightsError, match="no such file"):
        read_mn04(str(tmp_path / "absent.pt"))


def test_real_sounds_rank_their_own_audioset_classes_high(published, soundbank):
    """Of 527 classes: the best of a label's own ones, median over its clips, is among the first."""
    with open(Path(soundbank) / "soundbank.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    front_end = PublishedEfficientATFrontEnd(0.05)
    for label, own in AUDIOSET.items():
        ranks = []
        for row in [row for row in rows if row["label"] == label][::4]:
            samples = torch.from_numpy(read_audio(str(Path(soundbank) / row["path"]), 32000))
            samples = torch.nn.functional.pad(samples, (0, max(0, 32000 - len(samples))))
            with torch.no_grad():
                logits = published(front_end(samples)[None, None])[0]
            order = logits.argsort(descending=True).tolist()
            ranks.append(min(order.index(index) for index in own))
        assert np.median(ranks) < 5, (label, ranks)
