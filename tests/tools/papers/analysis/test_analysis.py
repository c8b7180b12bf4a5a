"""Analyses on tiny networks whose answer is known."""

import inspect
import json

import numpy as np
import pytest
import soundfile as sf
import torch

import analyze
from papers.analysis.figures import draw_curves, draw_patterns, draw_roll
from papers.analysis.patterns import exciting_pattern
from papers.analysis.pitch_shift import PitchShiftMapper
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.modeling.backbones.crnn import FrameStack
from audiodet.events import Event
from tests.tiny import run_tool, tiny_config, tiny_opts, train, write_tiny_data


def network(**more):
    torch.manual_seed(0)
    return FrameStack(
        40,
        pools=(5, 4, 2),
        maps=4,
        kernel=(5, 5),
        rnn_layers=0,
        rnn_units=1,
        fc_layers=0,
        fc_units=1,
        maxout=1,
        context=1,
        dropout=0.25,
        **more,
    )


def test_a_pattern_excites_its_neuron():
    """From noise of deviation one by 100 steps of norm one, in the neuron's 5 x 5 bins alone."""
    stack = network()
    filters = stack.convolutions[0].convolution
    filters.weight.data[1] = 0.0
    filters.weight.data[1, 0, :, 2] = torch.tensor([-1.0, -1.0, 4.0, -1.0, -1.0])  # one band alone
    pattern = exciting_pattern(stack, 0, 1, frames=20)
    assert pattern.shape == (40, 20)
    noise = exciting_pattern(stack, 0, 1, frames=20, steps=0)
    assert noise.mean() == pytest.approx(0, abs=0.1) and noise.std() == pytest.approx(1, abs=0.1)
    moved = (pattern - noise)[18:23, 8:13]
    assert np.count_nonzero(pattern - noise) == np.count_nonzero(moved)
    steps = 100 * filters.weight.data[1, 0] / filters.weight.data[1].norm()  # a linear neuron's
    np.testing.assert_allclose(moved, steps.numpy(), atol=1e-3)
    assert exciting_pattern(stack, 2, 3, frames=8, steps=3).shape == (40, 8)
    np.testing.assert_array_equal(pattern, exciting_pattern(stack, 0, 1, frames=20))


def test_a_pattern_is_sought_where_the_network_lies(monkeypatch):
    """The meta device stands for a GPU: it refuses operands of the CPU, and holds no numbers."""
    monkeypatch.setattr(torch.Tensor, "cpu", lambda x: torch.zeros(x.shape))
    assert exciting_pattern(network().to("meta"), 1, 0, frames=8, steps=2).shape == (40, 8)


@pytest.mark.parametrize(
    "layer, number, words", [(3, 0, "layer 3, expected 0 to 2"), (0, 4, "feature map 4")]
)
def test_what_is_not_there(layer, number, words):
    with pytest.raises(ConfigError, match=words):
        exciting_pattern(network(), layer, number)


def test_what_the_paper_states_is_the_default(monkeypatch):
    """Two quartertones down and up; 100 updates."""
    monkeypatch.setattr("sys.argv", ["", "pitch-shift", "--model", "a=b:c", "--out", "d"])
    assert analyze.parse_args().semitones == [-1, -0.5, 0, 0.5, 1]
    assert inspect.signature(exciting_pattern).parameters["steps"].default == 100


@pytest.mark.parametrize("semitones, ratio", [(0, 1.0), (12, 2.0), (-12, 0.5)])
def test_pitch_is_shifted_and_time_is_not(semitones, ratio, tmp_path):
    rate, cfg = 16000, load_config("", ["INPUT.AUDIO.SAMPLE_RATE", 16000])
    time = np.arange(2 * rate) / rate
    tone = np.sin(2 * np.pi * 1000 * time) * (time > 1.0)  # from one second on
    sf.write(tmp_path / "tone.wav", 0.5 * tone, rate)
    shifted = PitchShiftMapper(cfg, semitones).waveform({"file_name": str(tmp_path / "tone.wav")})
    assert len(shifted) == 2 * rate
    spectrum = np.abs(np.fft.rfft(shifted[rate + 4000 : 2 * rate - 2000]))
    peak = spectrum.argmax() * rate / (rate - 6000)
    assert peak == pytest.approx(1000 * ratio, rel=0.01)
    assert np.abs(shifted[: rate - 2000]).max() < 0.05 < np.abs(shifted[rate + 2000 :]).max()


def test_figures_show_what_they_are_given():
    truth, found = [Event(1.0, 2.0, "a")], [Event(1.5, 2.5, "a"), Event(0.0, 1.0, "b")]
    (ax,) = draw_roll(truth, found, ["a", "b"], 4.0).axes
    bars = [path.get_extents().bounds for c in ax.collections[:4] for path in c.get_paths()]
    assert sorted((x, width) for x, _, width, _ in bars) == [(0.0, 1.0), (1.0, 1.0), (1.5, 1.0)]
    axes = draw_patterns({f"map {k}": np.eye(4) for k in range(10)}).axes
    assert [ax.get_title() for ax in axes if ax.images] == [f"map {k}" for k in range(10)]
    (ax,) = draw_curves({"CRNN": [(2, 1.0), (1, 3.0)]}, "x", "y").axes
    assert ax.lines[0].get_xydata().tolist() == [[1, 3.0], [2, 1.0]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny CRNN, barely trained, and its data."""
    folder = tmp_path_factory.mktemp("analysis")
    data = write_tiny_data(folder / "tiny_analysis")
    opts = tiny_opts(
        data,
        folder / "out",
        "MODEL.META_ARCHITECTURE",
        "SequenceTagger",
        "MODEL.TAGGER.LOSS",
        "frame",
        "MODEL.BACKBONE.NAME",
        "build_frame_stack_backbone",
        "INPUT.SPECTROGRAM.N_MELS",
        40,
        "MODEL.FRAME_STACK.MAPS",
        4,
        "MODEL.FRAME_STACK.RNN_UNITS",
        4,
        "MODEL.ANCHOR_GENERATOR.OFFSET",
        0.5,
        "SOLVER.MAX_ITER",
        2,
        "MODEL.TAGGER.LOW_THRESHOLD",
        0.3,
        "TEST.THRESHOLDS",
        "[0.3]",
        test=["test"],
    )
    train(tiny_config(data, folder / "out", *opts, test=["test"]))
    return data, opts, f"net={data.yaml}:{folder / 'out' / 'model_final.pth'}"


@pytest.mark.parametrize("command", ["pitch-shift", "filters", "roll", "frame-scores"])
def test_the_tool_draws(command, trained, tmp_path, monkeypatch, capsys):
    data, opts, model = trained
    more = {
        "pitch-shift": ["--semitones", "0", "12"],
        "filters": ["--maps", "3"],
        "roll": ["--clip", "1"],
        "frame-scores": ["--clip", "1"],
    }
    out = tmp_path / f"{command}.png"
    arguments = [
        command,
        "--model",
        model,
        "--out",
        str(out),
        *more[command],
        "--opts",
        *map(str, opts),
    ]
    assert run_tool(monkeypatch, *arguments, tool="analyze") == ""
    assert out.read_bytes().startswith(b"\x89PNG")
    if command == "pitch-shift":
        scores = json.loads(out.with_suffix(".json").read_text())["net"]
        assert set(scores) == {"0.0", "12.0"} and set(scores["0.0"]) >= {"F1", "ER", "F1-tone"}


def test_a_model_is_named_with_its_files(monkeypatch, tmp_path):
    said = run_tool(
        monkeypatch,
        "filters",
        "--model",
        "net=only.yaml",
        "--out",
        str(tmp_path / "x.png"),
        tool="analyze",
    )
    assert said == "error: --model 'net=only.yaml', expected NAME=CONFIG:WEIGHTS"
