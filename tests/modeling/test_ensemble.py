"""Unlike models as one: each hears with its own front end, and their events vote."""

import json

import numpy as np
import pytest
import soundfile as sf
import torch
from detectron2.structures import Boxes, Instances
from torch import nn

from audiodet.audio.io import as_mono
from audiodet.cli.main import main as audiodet_command
from audiodet.engine.ensemble import build_ensemble
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.events import Event
from audiodet.inference.detector import Detector
from audiodet.inference.loading import identity, load_model
from audiodet.modeling.ensemble import EventEnsemble
from audiodet.voting import Voting
from tests.systems import RATE, SMALL, build, save
from tests.tiny import LABELS, run_tool, tiny_config, write_tiny_data

LOW = ("MODEL.TAGGER.LOW_THRESHOLD", 0.0)


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """A region detector at 16 kHz and a frame-level one at 8 kHz with other features."""
    folder = tmp_path_factory.mktemp("members")
    half = ("INPUT.AUDIO.SAMPLE_RATE", RATE // 2, "INPUT.SPECTROGRAM.N_FFT", 300, *LOW)
    models = [build("rcrnn/rare"), build("rcrnn/frame_control", *half)]
    return [save(model, folder, name) for model, name in zip(models, ("regions", "frames"))]


def ensemble(members, *opts):
    cfg = load_config("configs/rcrnn/rare.yaml", [*map(str, SMALL), *map(str, opts)])
    cfg.defrost()
    cfg.TEST.ENSEMBLE = tuple(members)
    return build_ensemble(cfg)


@pytest.fixture(scope="module")
def sound():
    return np.random.default_rng(0).normal(0, 0.1, 5 * RATE).astype(np.float32)


def test_each_member_hears_as_it_does_alone(members, sound):
    weights = ("TEST.VOTING.WEIGHTS", "[2.0, [1.0, 1.0, 3.0]]")
    together = Detector(ensemble(members, *weights), 0.0)
    alone = [Detector(load_model(path), 0.0) for path in members]
    said = [x.candidates([x.features(as_mono(sound, RATE, x.log_mel.sample_rate))]) for x in alone]
    (found,) = together.candidates([together.features(sound)])
    voting = Voting((2.0, {"babycry": 1.0, "glassbreak": 1.0, "gunshot": 3.0}))
    expected = voting.join([events for (events,) in said])
    assert len(found) == len(expected) > 3
    for event, other in zip(found, expected):
        assert event.label == other.label
        numbers, others = (event.onset, event.offset, event.score), (other.onset, other.offset)
        assert numbers == pytest.approx((*others, other.score), abs=1e-4)


def test_a_batch_of_unlike_lengths_and_a_long_recording(members, sound):
    detector = Detector(ensemble(members), 0.0, window=2.0, overlap=0.5)
    inputs = [detector.features(sound), detector.features(sound[: 3 * RATE])]
    (_, apart), (alone,) = detector.candidates(inputs), detector.candidates(inputs[1:])
    assert [e.label for e in apart] == [e.label for e in alone]
    times, others = np.array([e[:2] for e in apart]), np.array([e[:2] for e in alone])
    np.testing.assert_allclose(times, others, atol=1e-4)
    step = 8 * 256 / (RATE // 2)  # of the slower member
    assert detector.grid.cell == step * RATE
    assert all(0 <= e.onset < e.offset <= 5 for e in detector.detect(sound, RATE))


class Says(nn.Module):
    """A member that finds one event of its second class from 1 to 2 s, wherever it listens."""

    time_stride, verifiers = 1, ()

    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, clips):
        box = Boxes(torch.tensor([[1.0, 0.0, 2.0, 1.0]]))
        kinds = torch.tensor([1])
        one = Instances((1, 1), pred_boxes=box, scores=torch.tensor([0.5]), pred_classes=kinds)
        return [{"instances": one} for _ in clips]


def test_labels_in_another_order_are_the_same_ones():
    cfg = load_config("configs/rcrnn/rare.yaml", [str(x) for x in SMALL])
    turned = load_config("configs/rcrnn/rare.yaml", [str(x) for x in SMALL])
    turned.defrost()
    turned.DATASETS.LABELS = ("gunshot", "glassbreak", "babycry")
    parts = {"members": [Says(cfg), Says(turned)], "voting": Voting(), "sample_rate": RATE}
    model = EventEnsemble(labels=["gunshot", "babycry", "glassbreak"], **parts).eval()
    clip = {"image": torch.zeros(1, 1, 3 * RATE), "width": 3.0, "height": 1}
    (found,) = model([clip])
    assert found["instances"].pred_classes.tolist() == [2]
    assert found["instances"].scores.tolist() == [0.5]
    assert found["instances"].pred_boxes.tensor.tolist() == [[1.0, 0.0, 2.0, 1.0]]
    with pytest.raises(ConfigError, match="an ensemble does not learn"):
        model.train()([clip])


def test_its_checkpoint_needs_no_other_file(members, sound, tmp_path):
    model = ensemble(members)
    path = save(model, tmp_path, "both")
    again = load_model(path)
    detect = Detector(model, 0.0).detect(sound, RATE)
    assert Detector(again, 0.0).detect(sound, RATE) == detect and detect
    assert identity(again)["weights_hash"] == identity(model)["weights_hash"]


def test_detect_with_a_yaml_that_names_members(members, sound, tmp_path, capsys):
    yaml, wav = tmp_path / "both.yaml", tmp_path / "a.wav"
    sf.write(wav, sound, RATE)
    lines = f"VERSION: 2\nTEST:\n  ENSEMBLE: {json.dumps(members)}\n  THRESHOLDS: [0.0]\n"
    yaml.write_text(lines)
    assert audiodet_command(["detect", str(wav), "-o", "-", "--model", str(yaml)]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    events = Detector.from_pretrained(str(yaml), device="cpu").detect(wav)
    assert len(rows) == len(events) > 3 and isinstance(events[0], Event)
    yaml.write_text("VERSION: 2\nTEST:\n  THRESHOLDS: [0.5]\n")
    with pytest.raises(ConfigError, match="both.yaml: TEST.ENSEMBLE is empty, expected the membe"):
        load_model(str(yaml))


def test_eval_only_scores_it_with_thresholds_of_its_own(tmp_path, monkeypatch):
    data = write_tiny_data(tmp_path / "tiny_events")
    labels = ("DATASETS.LABELS", LABELS)
    members = [build("rcrnn/rare", *labels), build("rcrnn/frame_control", *labels, *LOW)]
    paths = [save(model, tmp_path, name) for model, name in zip(members, "ab")]
    opts = ("TEST.ENSEMBLE", f"{paths}", "TEST.TUNE_THRESHOLDS", True)
    cfg = tiny_config(data, tmp_path / "out", *opts, test=["test"])
    (tmp_path / "both.yaml").write_text(cfg.dump())
    assert not run_tool(monkeypatch, "--config-file", tmp_path / "both.yaml", "--eval-only")
    tuned = json.loads((tmp_path / "out" / "thresholds.json").read_text())
    assert sorted(tuned) == LABELS
    folder = tmp_path / "out" / "inference" / cfg.DATASETS.TEST[0]
    clips = (folder / "clips.jsonl").read_text().splitlines()
    assert len(clips) == 3 and all(json.loads(clip)["candidates"] for clip in clips)


def test_members_that_do_not_fit(members, tmp_path):
    other = save(build("rcrnn/rare", "DATASETS.LABELS", LABELS), tmp_path, "other")
    with pytest.raises(ConfigError, match=r"member 2 of the ensemble, RCRNN: has the labels \['bu"):
        ensemble([members[0], other])
    with pytest.raises(ConfigError, match="voting: 3 weights, expected 2, one a member"):
        ensemble(members, "TEST.VOTING.WEIGHTS", "[1, 1, 1]")
    with pytest.raises(ConfigError, match=r"WEIGHTS has \[1, 2\], expected a number or one for ea"):
        ensemble(members, "TEST.VOTING.WEIGHTS", "[1, [1, 2]]")
    with pytest.raises(ConfigError, match="no file matches 'nowhere.pth', expected checkpoints or"):
        ensemble([*members, "nowhere.pth"])
    cfg = ensemble(members).cfg.clone()
    cfg.defrost()
    cfg.INPUT.AUDIO.SAMPLE_RATE = 11025
    with pytest.raises(ConfigError, match="member 1 .* hears 16000 Hz, expected at most 11025 Hz"):
        EventEnsemble(cfg)
