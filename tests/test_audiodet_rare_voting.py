"""audiodet_rare_voting: the ensemble that ships, on both engines, with thresholds of its own."""

import json
from pathlib import Path

import numpy as np
import pytest

from audiodet import model_zoo
from audiodet.audio.io import as_mono
from audiodet.cli import main
from audiodet.data.datasets.rare_mini import RARE_LABELS, rare_mini_recipes
from audiodet.data.mixing.rendering import render
from audiodet.errors import AudiodetError, ConfigError, WeightsError
from audiodet.inference.detector import Detector
from audiodet.inference.opening import open_model
from audiodet.inference.voting_on_onnx import OnnxVoting
from audiodet.voting import Voting
from audiodet.weights import find_weights, read_ensemble
from tests.test_audiodet_rare import MAX_POINTS, f1

NAME = "audiodet_rare_voting"
RATE = 44100
# {label: [whether a test clip holds it, best score of its fold's ensemble, whether that is a hit]},
# which tools/export_voting.py wrote with the thresholds.
SCORES = json.loads((Path(__file__).parent / f"{NAME}_scores.json").read_text())
SPEC = read_ensemble(NAME)["TEST"]


@pytest.fixture(scope="module")
def sound(soundbank):
    """A mixture with a loud event in it."""
    recipes = rare_mini_recipes("rare_mini_quiet_fold1_test", soundbank)
    recipe = next(recipe for recipe in recipes if recipe.event and recipe.event.ebr == 6.0)
    return render(recipe, soundbank, RATE)


def numbers(events) -> list:
    rows = [[RARE_LABELS.index(e.label), e.onset, e.offset, e.score] for e in events]
    return sorted(rows)


@pytest.mark.parametrize("label", RARE_LABELS)
def test_default_thresholds_cost_few_points_of_f1(label):
    rows = [[None, label, *row] for row in SCORES[label]]
    assert len(rows) > 1000
    best = max(f1(rows, threshold) for threshold in np.linspace(0.02, 0.98, 97))
    threshold = SPEC["THRESHOLDS"][RARE_LABELS.index(label)]
    assert f1(rows, threshold) > best - MAX_POINTS


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
def test_its_events_are_what_its_members_vote(engine, sound):
    together = Detector(open_model(NAME, device="cpu", engine=engine), 0.0, floor=0.0)
    said = []
    for member in SPEC["ENSEMBLE"]:
        alone = Detector(open_model(member, device="cpu", engine=engine), 0.0)
        rate = alone.log_mel.sample_rate
        (events,) = alone.candidates([alone.features(as_mono(sound, RATE, rate))])
        said.append(events)
    (found,) = together.candidates([together.features(sound)])
    expected = Voting(SPEC["VOTING"]["WEIGHTS"]).join(said)
    assert max(event.score for event in expected) > 0.5
    np.testing.assert_allclose(numbers(found), numbers(expected), atol=2e-3)


def test_it_is_listed_with_the_size_of_its_members(capsys):
    about = model_zoo.about(NAME)
    assert about.bytes == sum(model_zoo.about(member).bytes for member in SPEC["ENSEMBLE"])
    assert about.system == "EventEnsemble" and list(about.thresholds.values()) == SPEC["THRESHOLDS"]
    assert main(["models", NAME]) == 0
    assert capsys.readouterr().out.startswith(f"# {NAME}\n")


def test_an_engine_or_a_member_that_does_not_fit():
    with pytest.raises(ConfigError, match="device 'cuda': audiodet_rare_voting runs on the CPU"):
        open_model(NAME, device="cuda", engine="onnxruntime")
    with pytest.raises(WeightsError, match="an ensemble without weights of its own, expected aud"):
        find_weights(NAME)
    other, own = (open_model(x, engine="onnxruntime") for x in ("crnn_poly_mini", "rcrnn_rare"))
    with pytest.raises(AudiodetError, match=r"member 2 of the ensemble: has the labels \['baby"):
        OnnxVoting([other, own], Voting(), [0.5])
