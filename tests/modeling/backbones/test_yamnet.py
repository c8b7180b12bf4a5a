"""YAMNet: the published network from its file, and what a detector sees of it."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from audiodet.audio.io import read_audio
from audiodet.data.front_ends import YAMNetFrontEnd
from audiodet.errors import ConfigError, WeightsError
from audiodet.modeling.backbones.pretrained import PretrainedSteps
from audiodet.modeling.backbones.yamnet import SILENCE, YAMNet
from audiodet.modeling.backbones.yamnet_weights import Table, read_yamnet

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "pretrained"
NECK = {"channels": 8, "context": "conv", "kernel": 3, "dropout": 0.0}


@pytest.fixture(scope="module")
def published() -> YAMNet:
    """The network with its published weights."""
    path = FOLDER / "yamnet.tflite"
    if not path.is_file():
        pytest.skip(f"the published weights are not at {path}")
    network = YAMNet()
    network.load_state_dict(read_yamnet(str(path)))
    return network.eval()


def trunk() -> YAMNet:
    torch.manual_seed(1)
    return YAMNet().eval()


def same_convolution(x, weight, bias, stride, depthwise):
    """A convolution of (time, bands, inputs) by TensorFlow's rule for SAME, and ReLU, in numpy.

    weight: (outputs, inputs or 1, bands, time), as torch has it.
    """
    kernel = weight.shape[-1]
    sizes = [-(-n // stride) for n in x.shape[:2]]
    total = [max((o - 1) * stride + kernel - n, 0) for o, n in zip(sizes, x.shape[:2])]
    x = np.pad(x, [(t // 2, t - t // 2) for t in total] + [(0, 0)])
    found = np.zeros((*sizes, len(weight)))
    for i in range(kernel):
        for j in range(kernel):
            part = x[i::stride, j::stride][: sizes[0], : sizes[1]]
            taps = weight[:, :, j, i]
            found += part * taps[:, 0] if depthwise else part @ taps.T
    return np.maximum(found + bias, 0)


def reference(network: YAMNet, patch: np.ndarray) -> np.ndarray:
    """Logits of a (96, 64) patch by plain formulas."""
    x = patch[:, :, None]
    for layer in network.features:
        for convolution in layer:
            weight, bias = (p.detach().double().numpy() for p in convolution.parameters())
            x = same_convolution(x, weight, bias, convolution.stride[0], convolution.groups > 1)
    weight, bias = (p.detach().double().numpy() for p in network.classifier.parameters())
    return weight @ x.mean((0, 1)) + bias


def test_the_published_architecture():
    network = trunk()
    assert sum(p.numel() for p in network.parameters()) == 3_729_481
    patch = np.random.default_rng(0).normal(-2, 1, (96, 64))
    image = torch.from_numpy(patch.T.copy()).float()[None, None]
    expected = reference(network, patch)
    np.testing.assert_allclose(network(image)[0].detach(), expected, atol=1e-4)


def test_steps_are_centred_on_multiples_of_their_stride():
    """A click moves every map: most in the step whose centre it is at, whatever the stride."""
    network = trunk()
    for block in network.features:
        for convolution in block:  # weights that only add up, so that a click spreads evenly
            torch.nn.init.constant_(convolution.weight, 1 / convolution.weight[0].numel())
    silent = torch.full((1, 1, 64, 320), SILENCE)
    click = silent.clone()
    click[..., 160] = 5.0
    before, after = network.maps(silent - SILENCE), network.maps(click - SILENCE)
    for number, stride in network.strides.items():
        change = (after[number] - before[number]).sum((0, 1, 2))
        assert after[number].shape[-1] == 320 // stride
        assert abs(int(change.argmax()) * stride - 160) < stride, number


def test_a_padded_clip_has_the_maps_that_it_has_alone():
    network, length = trunk(), 203
    images = torch.randn(2, 1, 64, 320)
    images[0, ..., length:] = 0
    together = network.maps(images, [length, 320])
    alone = network.maps(images[:1, ..., :length])
    for layer, x in alone.items():
        steps = x.shape[-1]
        assert steps == -(-length // network.strides[layer])
        torch.testing.assert_close(together[layer][:1, ..., :steps], x, atol=1e-5, rtol=1e-4)
        assert not together[layer][0, ..., steps:].any()


@pytest.mark.parametrize("frames", [20, 97, 320])
def test_what_a_detector_sees(frames):
    layers = {"layers": (6, 12, 14), "scores": True, "stride": 8}
    backbone = PretrainedSteps(trunk(), **layers, **NECK).eval()
    found = backbone(torch.randn(2, 1, 64, frames))["time"]
    assert found.shape == (2, 8, 1, backbone.steps(frames))
    with pytest.raises(ConfigError, match="the spectrogram has 128 mel bands, .* expects 64"):
        backbone(torch.randn(1, 1, 128, 64))
    with pytest.raises(ConfigError, match=r"LAYERS \[16\], STRIDE 8: expected .* \[6, 12, 14\]"):
        PretrainedSteps(trunk(), layers=(16,), stride=8, **NECK)


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "yamnet.tflite"
    with pytest.raises(WeightsError, match="yamnet.tflite: no such file, expected the published"):
        read_yamnet(str(path))
    path.write_bytes(b"\x1c\0\0\0TFL3")
    with pytest.raises(WeightsError, match="yamnet.tflite: has sha256 .*, expected 687f226c"):
        read_yamnet(str(path))


def test_a_flatbuffer_by_hand():
    """A table of a number and a vector: root, vtable (its size, the table's, two fields), table."""
    vtable = [8, 12, 4, 8]
    data = b"".join(
        [
            (12).to_bytes(4, "little"),  # where the table is
            *[x.to_bytes(2, "little") for x in vtable],  # at 4
            (8).to_bytes(4, "little"),  # at 12: back to the vtable
            (7).to_bytes(4, "little"),
            (4).to_bytes(4, "little"),  # from here to the vector
            (2).to_bytes(4, "little"),
            np.array([1.5, -2.0], "<f4").tobytes(),
        ]
    )
    table = Table.root(data)
    assert table.scalar(0, "<i") == 7
    assert table.vector(1, "<f4").tolist() == [1.5, -2.0]
    assert table.scalar(2, "<i", 5) == 5 and table.table(3) is None


# Scores of the published file in TensorFlow Lite's own runtime (ai-edge-litert 2.3.0) of the best
# classes of a patch; it rounds its mel bands and every layer's input to 8 bits.
RECORDINGS = {
    "events/babycry/babycry_2084b9a3.flac": {
        "Crying, sobbing": 0.946,
        "Baby cry, infant cry": 0.887,
        "Whimper": 0.119,
    },
    "events/glassbreak/glassbreak_d0af66c8.flac": {
        "Breaking": 0.907,
        "Glass": 0.784,
        "Shatter": 0.780,
    },
    "events/gunshot/gunshot_5d2086fd.flac": {
        "Explosion": 0.500,
        "Gunshot, gunfire": 0.493,
        "Burst, pop": 0.251,
    },
    "distractors/dog_bark/dog_bark_1b21c7f5.flac": {
        "Animal": 0.958,
        "Domestic animals, pets": 0.866,
        "Dog": 0.858,
    },
}


def scores_of(samples: np.ndarray, network: YAMNet) -> dict:
    """{class: score} of a patch of 0.975 s at 16 kHz."""
    with open(FOLDER / "yamnet_class_map.csv", encoding="utf-8") as file:
        classes = [row["display_name"] for row in csv.DictReader(file)]
    samples = np.pad(samples[:15600], (0, max(0, 15600 - len(samples))))
    image = YAMNetFrontEnd(0.05)(torch.from_numpy(samples.astype(np.float32)))
    with torch.no_grad():
        return dict(zip(classes, network(image[None, None])[0].sigmoid().tolist()))


def test_scores_of_a_sweep_are_those_of_the_published_runtime(published):
    time = np.arange(15600) / 16000
    scores = scores_of(np.sin(2 * np.pi * (300 * time + 800 * time**2)), published)
    expected = {"Synthesizer": 0.637, "Keyboard (musical)": 0.471, "Musical instrument": 0.157}
    for label, score in expected.items():
        assert scores[label] == pytest.approx(score, abs=0.07), label


@pytest.mark.parametrize("path", RECORDINGS)
def test_scores_of_recordings_are_those_of_the_published_runtime(path, published, soundbank):
    scores = scores_of(read_audio(f"{soundbank}/{path}", 16000), published)
    for label, expected in RECORDINGS[path].items():
        assert scores[label] == pytest.approx(expected, abs=0.07), label
    assert max(scores, key=scores.get) in RECORDINGS[path]
