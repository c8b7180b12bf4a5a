"""Files that would take memory or time, or hold no numbers, are refused before they do."""

import json
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from audiodet.errors import ConfigError, WeightsError
from audiodet.events import thresholds_by_label
from audiodet.modeling.trained import load_trained
from audiodet.weights import CARD, SHIPPED, read_described, read_weights

RCRNN = str(SHIPPED / "rcrnn_rare.safetensors")


@pytest.fixture(scope="module")
def shipped():
    return read_described(RCRNN)


def with_config(shipped, path, old, new):
    """A copy of a model that ships whose configuration has ``new`` for ``old``."""
    config = shipped[CARD]["config"]
    assert old in config
    card = {**shipped[CARD], "config": config.replace(old, new)}
    save_file(shipped["model"], path, {CARD: json.dumps(card)})
    return str(path)


def refusal(path) -> str:
    with pytest.raises(WeightsError) as error:
        load_trained(path)
    said = str(error.value)
    assert said.startswith(path) and "\n" not in said and len(said) < 600
    return said


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("HOP: 1014", "HOP: 0", "INPUT.SPECTROGRAM.HOP is 0, expected 1 to"),
        ("N_FFT: 2048", "N_FFT: 1073741824", "N_FFT is 1073741824, expected 2 to"),
        ("N_MELS: 64", "N_MELS: 100000000", "N_MELS is 100000000, expected 1 to"),
        ("FC_DIM: 256", "FC_DIM: 100000", "a network of"),
        ("FC_DIM: 256", "FC_DIM: 900000000000000000", "configuration cannot be used"),
        ("OUTPUT_DIR: output", "OUTPUT_DIR: " + "[" * 3000, "configuration cannot be used"),
    ],
)
def test_absurd_values(old, new, expected, shipped, tmp_path):
    assert expected in refusal(with_config(shipped, tmp_path / "odd.safetensors", old, new))


def test_aliases_of_aliases(shipped, tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for number in range(1, 12):
        parts = ", ".join([f"*a{number - 1}"] * 10)
        lines.append(f"a{number}: &a{number} [{parts}]")
    bomb = "OUTPUT_DIR: output\n" + "\n".join(lines)
    path = with_config(shipped, tmp_path / "bomb.safetensors", "OUTPUT_DIR: output", bomb)
    assert "aliases of aliases" in refusal(path)


def test_a_verifier_that_names_itself(shipped, tmp_path):
    path = tmp_path / "self.safetensors"
    new = f"VERIFIER: {path}"
    config = shipped[CARD]["config"].replace("VERIFIER: ''", new)
    config = config.replace("POSTPROCESSORS:\n  - BoxVoting", "POSTPROCESSORS: [VerifierFusion]")
    assert new in config and "[VerifierFusion]" in config
    card = {**shipped[CARD], "config": config}
    save_file(shipped["model"], path, {CARD: json.dumps(card)})
    assert "names itself as its verifier" in refusal(str(path))


def test_a_description_that_is_nested_deeply(shipped, tmp_path):
    path = str(tmp_path / "deep.safetensors")
    save_file(shipped["model"], path, {CARD: "[" * 100_000})
    assert "its description is no JSON" in refusal(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(value, shipped, tmp_path):
    tensors = {name: tensor.clone() for name, tensor in shipped["model"].items()}
    name = sorted(tensors)[-1]
    tensors[name].view(-1)[-1] = value
    save_file(tensors, tmp_path / "nan.safetensors", {CARD: json.dumps(shipped[CARD])})
    assert f"{name} holds NaN or infinity" in refusal(str(tmp_path / "nan.safetensors"))
    torch.save({"model": tensors}, tmp_path / "nan.pth")
    with pytest.raises(WeightsError, match=f"{name} holds NaN or infinity"):
        read_weights(str(tmp_path / "nan.pth"))


def test_a_threshold_that_is_no_number():
    with pytest.raises(ConfigError, match="TEST.THRESHOLDS of b is NaN, expected a number"):
        thresholds_by_label({"a": 0.5, "b": float("nan")}, ["a", "b"])


def test_a_zip_bomb(tmp_path):
    torch.save({"a": torch.zeros(10)}, tmp_path / "good.pth")
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(tmp_path / "good.pth") as good:
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in good.namelist():
                data = good.read(name)
                archive.writestr(name, bytes(50_000_000) if name.endswith("data/0") else data)
    assert bomb.stat().st_size < 100_000
    with pytest.raises(WeightsError, match="bytes packed into .*expected an archive that is not"):
        read_weights(str(bomb))
