"""Separated waveforms: masks of one, energy, frequencies, windows, rates; the command."""

import json

import numpy as np
import pytest
import soundfile as sf
import torch
from detectron2.modeling import build_model
from safetensors.torch import save_file

from audiodet.cli import main
from audiodet.data.spectrogram import LogMel
from audiodet.engine.checkpoint import CARD, describe
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError, WeightsError
from audiodet.inference.separated import WavNames
from audiodet.inference.masking import filtered, mel_to_linear
from audiodet.inference.separation import Separator
from audiodet.modeling.model import SEDModel

KONG = {"window": "hamming", "centre": False, "power": 1, "floor_added": True}
FRONT_ENDS = {
    "Kong": LogMel(32000, 2048, 1024, 64, 50.0, 16000.0, 1e-8, **KONG),
    "R-CRNN": LogMel(44100, 2048, 1014, 64),
}


def noise(samples, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32))


def apply_masks(wave, masks, log_mel):
    return torch.from_numpy(filtered(wave.numpy(), masks.numpy(), log_mel))


@pytest.mark.parametrize("log_mel", FRONT_ENDS.values(), ids=FRONT_ENDS)
def test_masks_of_one_give_the_mixture_back(log_mel):
    wave = noise(60_000)
    frames = log_mel(wave).shape[-1]
    (sound,) = apply_masks(wave, torch.ones(1, 64, frames), log_mel)
    assert sound.shape == wave.shape
    torch.testing.assert_close(sound, wave, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "log_mel, centre",
    [(FRONT_ENDS["Kong"], 20 * 1024 + 1024), (FRONT_ENDS["R-CRNN"], 20 * 1014)],
    ids=FRONT_ENDS,
)
def test_masks_lie_on_the_frames_of_the_front_end(log_mel, centre):
    """A click in the middle of frame 20 passes the mask of frame 20, and hardly its neighbours'."""
    wave = torch.zeros(60_000)
    wave[centre] = 1
    frames = log_mel(wave).shape[-1]
    masks = torch.eye(frames)[18:23, None, :].expand(5, 64, frames)
    passed = apply_masks(wave, masks, log_mel)[:, centre]
    assert passed[2] > 0.95 and passed[[0, 1, 3, 4]].max() < 0.05


def test_no_sum_of_masks_adds_energy():
    """Three masks of one share the mixture; masks at random take energy away."""
    log_mel, wave = FRONT_ENDS["Kong"], noise(60_000)
    frames = log_mel(wave).shape[-1]
    sounds = apply_masks(wave, torch.ones(3, 64, frames), log_mel)
    torch.testing.assert_close(sounds, (wave / 3).expand(3, -1), atol=1e-5, rtol=0)
    masks = torch.tensor([0.9, 0.6]).view(2, 1, 1).expand(2, 64, frames)  # 1.5 together
    for sound, mask in zip(apply_masks(wave, masks, log_mel), (0.9, 0.6)):
        torch.testing.assert_close(sound, wave * mask / 1.5, atol=1e-5, rtol=0)
    masks = torch.rand(5, 64, frames, generator=torch.Generator().manual_seed(0))
    total = apply_masks(wave, masks, log_mel).sum(0)
    assert total.square().sum() <= wave.square().sum() * (1 + 1e-4)


def test_each_mask_lets_its_own_band_pass():
    """Tones of 500 and 4,000 Hz in the first and second half; masks for one band and one half."""
    log_mel, rate = FRONT_ENDS["Kong"], 32000
    time = np.arange(3 * rate) / rate
    low, high = np.sin(2 * np.pi * 500 * time), np.sin(2 * np.pi * 4000 * time)
    wave = torch.from_numpy((0.2 * low + 0.2 * high).astype(np.float32))
    frames = log_mel(wave).shape[-1]
    centres = np.array(log_mel.band_edges())
    masks = torch.zeros(2, 64, frames)
    masks[0, centres[:-1] < 1500] = 1
    masks[1, :, frames // 2 :] = 1
    by_band = apply_masks(wave, masks[:1], log_mel)[0]
    np.testing.assert_allclose(by_band[4000:-4000], 0.2 * low[4000:-4000], atol=2e-3)
    by_time = apply_masks(wave, masks[1:], log_mel)[0]
    middle = frames // 2 * 1024
    assert by_time[: middle - 2048].abs().max() < 1e-6
    torch.testing.assert_close(by_time[middle + 2048 :], wave[middle + 2048 :], atol=1e-5, rtol=0)


def test_mel_bands_are_interpolated():
    """At a band's centre its own weight is one; half-way (in Hz) two bands have a half each."""
    log_mel = FRONT_ENDS["Kong"]
    weights = torch.from_numpy(mel_to_linear(log_mel))
    assert weights.shape == (1025, 64)
    torch.testing.assert_close(weights.sum(1), torch.ones(1025))
    assert weights[0, 0] == weights[-1, -1] == 1
    filters = log_mel.filters  # librosa's triangles have their peaks where our weights are one
    assert all(abs(filters[h].argmax() - weights[:, h].argmax()) <= 1 for h in range(5, 60))


class Halves(SEDModel, torch.nn.Module):
    """Detects "a" with a mask of one half in every window, and "b" nowhere."""

    has_masks = True
    time_stride = 1

    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg

    def forward(self, inputs):
        from detectron2.structures import Boxes, Instances

        image = inputs[0]["image"]
        found = Instances(
            (1, 1),
            pred_boxes=Boxes(torch.tensor([[0.5, 0, 1, 1]])),
            scores=torch.tensor([0.9]),
            pred_classes=torch.tensor([0]),
        )
        return [{"instances": found, "masks": torch.full((2, *image.shape[1:]), 0.5)}]


@pytest.fixture(scope="module")
def halves():
    base = "configs/tfseg/Base-TFSeg.yaml"
    return Halves(load_config(base, ["DATASETS.LABELS", "['a', 'b']", "MODEL.DEVICE", "cpu"]))


@pytest.mark.parametrize("seconds", [3.0, 4.0, 4.2, 11.3])
def test_windows_are_joined_without_a_seam(halves, seconds):
    """Windows of 4 s: half of the recording comes back, whatever its length."""
    separator = Separator(halves, window=4.0)
    wave = noise(round(seconds * 32000)).numpy()
    sounds = separator.separate(wave)
    assert list(sounds) == ["a"]
    np.testing.assert_allclose(sounds["a"], wave / 2, atol=1e-5)


def test_another_rate_comes_back(halves, tmp_path):
    """A stereo file of 44.1 kHz: resampled for the model, its own rate and length written back."""
    time = np.arange(44100 * 2 + 7) / 44100
    tone = 0.4 * np.sin(2 * np.pi * 1000 * time)
    sf.write(tmp_path / "in.wav", np.stack([tone, tone], 1), 44100)
    sounds = Separator(halves).separate_file(str(tmp_path / "in.wav"))
    assert sounds["a"].shape == tone.shape
    np.testing.assert_allclose(sounds["a"][2000:-2000], tone[2000:-2000] / 2, atol=1e-3)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """An untrained segmentation model that detects everything, and one without masks."""
    folder, paths = tmp_path_factory.mktemp("separate"), {}
    for level in ("bin", "frame"):
        cfg = load_config(
            "configs/tfseg/remix_mini.yaml",
            [
                "MODEL.DEVICE",
                "cpu",
                "MODEL.TFSEG.MAPS",
                "[2]",
                "MODEL.TFSEG.LEVEL",
                level,
                "DATASETS.LABELS",
                "['dog', 'a/b']",
            ],
        )
        torch.manual_seed(0)
        tensors = {k: v.contiguous() for k, v in build_model(cfg).state_dict().items()}
        paths[level] = str(folder / f"{level}.safetensors")
        save_file(tensors, paths[level], {CARD: json.dumps(describe(cfg))})
    return paths


def test_the_command_writes_a_wav_of_each_class(checkpoints, tmp_path, capsys):
    rate = 22050
    sf.write(tmp_path / "one.wav", noise(rate * 2).numpy(), rate)
    (tmp_path / "two.wav").write_text("no sound")
    inputs = [str(tmp_path / "one.wav"), str(tmp_path / "two.wav")]
    options = ["-o", str(tmp_path / "out"), "--model", checkpoints["bin"], "--device", "cpu"]
    code = main(["separate", *inputs, *options])
    said = capsys.readouterr()
    assert code == 3 and "error: " in said.err and "two.wav: not audio" in said.err
    written = sorted(p.name for p in (tmp_path / "out").glob("*.wav"))
    assert written == ["one_a_b.wav", "one_dog.wav"]
    assert sorted(said.out.split()) == [str(tmp_path / "out" / name) for name in written]
    for name in written:
        info = sf.info(tmp_path / "out" / name)
        assert (info.samplerate, info.frames, info.subtype) == (rate, rate * 2, "FLOAT")
    assert (tmp_path / "out" / "errors.tsv").read_text().count("two.wav: not audio") == 0
    assert (tmp_path / "out" / "errors.tsv").read_text().count("two.wav\tnot audio") == 1
    assert main(["separate", *inputs, *options]) == 1  # holds another run
    (tmp_path / "out" / "one_dog.wav").unlink()
    before = (tmp_path / "out" / "one_a_b.wav").stat().st_mtime_ns
    assert main(["separate", *inputs, *options, "--resume"]) == 3
    assert (tmp_path / "out" / "one_dog.wav").is_file()
    assert (tmp_path / "out" / "one_a_b.wav").stat().st_mtime_ns > before  # its recording anew
    before = (tmp_path / "out" / "one_a_b.wav").stat().st_mtime_ns
    assert main(["separate", *inputs, *options, "--resume"]) == 3
    assert (tmp_path / "out" / "one_a_b.wav").stat().st_mtime_ns == before
    assert main(["separate", *inputs, *options, "--resume", "--threshold", "0.9"]) == 1
    assert "made with separated_from" in capsys.readouterr().err


def test_no_two_wavs_have_one_name():
    """ "a" with the label "b_c", and "a_b" with the label "c"."""
    names = WavNames(["x/a.wav", "a_b.wav", "y/a.wav", "a_b_c.wav"], ["b_c", "c", "a/b", "d" * 300])
    found = [names.name(path, label) for path in names.recordings for label in names.labels]
    assert len(set(found)) == 16 and max(map(len, found)) < 230
    assert found[0] == "a_b_c.wav" and "a_b_c_2.wav" in found


def test_a_model_without_masks(checkpoints, tmp_path, capsys):
    sf.write(tmp_path / "one.wav", noise(32000).numpy(), 32000)
    code = main(
        ["separate", str(tmp_path / "one.wav"), "--model", checkpoints["frame"], "--device", "cpu"]
    )
    assert code == 1
    assert (
        "error: TFSegmentation has no masks to separate sounds by, expected"
        in capsys.readouterr().err
    )


def test_bad_options(halves, capsys):
    with pytest.raises(ConfigError, match="windows of 2.0 s, expected more than 2.0 s"):
        Separator(halves, window=2.0)
    with pytest.raises(SystemExit) as end:
        main(["separate", "a.wav", "--weights", "b.pth"])
    assert end.value.code == 2 and "belong together" in capsys.readouterr().err
    with pytest.raises(WeightsError, match="no such model"):
        from audiodet.inference.loading import load_model

        load_model("nowhere", device="cpu")


def test_the_model_that_ships_serves_unnamed(tmp_path, capsys):
    sf.write(tmp_path / "one.wav", 0.1 * noise(44100 * 3).numpy(), 44100)
    args = ["separate", str(tmp_path / "one.wav"), "-o", str(tmp_path / "out"), "--device", "cpu"]
    assert main([*args, "--threshold", "0"]) == 0
    written = capsys.readouterr().out.split()
    assert all(sf.info(path).frames == 44100 * 3 for path in written)
