"""``audiodet models``: what is said of the models that ship, against the models themselves."""

import pytest

from audiodet import model_zoo
from audiodet.cli import main


def test_the_list_says_what_the_models_are(capsys):
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    for name in ("rcrnn_rare", "audiodet_rare"):
        model = model_zoo.get(name)
        about = model_zoo.about(name)
        assert about.system == model.cfg.MODEL.META_ARCHITECTURE
        assert list(about.thresholds) == list(model.cfg.DATASETS.LABELS)
        assert list(about.thresholds.values()) == list(model.cfg.TEST.THRESHOLDS)
        (line,) = [line for line in said.splitlines() if line.split()[:1] == [name]]
        assert f"{about.bytes / 1e6:.1f} MB" in line and "non-commercial use only" in line
        assert all(f"{label} {value:.3f}" in line for label, value in about.thresholds.items())
    assert {line.split()[0] for line in said.splitlines()[2:-2]} == set(model_zoo.names())


def test_a_card_and_a_name_that_is_none(capsys):
    assert main(["models", "rcrnn_rare"]) == 0
    assert capsys.readouterr().out.startswith("# rcrnn_rare\n")
    assert main(["models", "../rcrnn_rare"]) == 1
    assert "no model that ships, expected one of audiodet_rare" in capsys.readouterr().err


@pytest.mark.parametrize("name", model_zoo.names())
def test_every_model_has_a_card(name):
    assert model_zoo.about(name).card.endswith(f"{name}.md")
