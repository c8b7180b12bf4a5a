"""Tables of published figures without their hours: trainings end at once, nothing is rendered."""

from pathlib import Path

import pytest

from audiodet.data.datasets.poly_mini import POLY_LABELS
from audiodet.data.datasets.rare_mini import RARE_LABELS
from papers import engine, poly_mini, rare_mini, runs
from papers.runs import Options
from papers.scoring import Scoring
from papers.tables import build_table, load_tables
from tests.conftest import ROOT
from tests.tools.papers import fake_training


@pytest.fixture
def options(tmp_path):
    return Options(tmp_path, ROOT / "configs")


@pytest.fixture
def nothing_rendered(monkeypatch):
    """Baselines' clips and hashes of recipes without a sound bank."""

    def baseline_clips(dataset, mapper, name):
        return fake_training.clips(dataset, Path(name), RARE_LABELS)

    def gmm_clips(cfg, score):
        return fake_training.clips("poly_mini_test", Path("gmm"), POLY_LABELS)

    monkeypatch.setattr(Scoring, "bootstrap", 20)
    monkeypatch.setattr(rare_mini, "baseline_clips", baseline_clips)
    monkeypatch.setattr(poly_mini, "gmm_clips", gmm_clips)
    hashes = dict.fromkeys(engine.HASHES, lambda name: f"<{name}>")
    monkeypatch.setattr(engine, "HASHES", hashes)


@pytest.fixture
def trainings(monkeypatch, nothing_rendered):
    """The command lines of the trainings that ended at once."""
    commands = []

    def run(command, **kwargs):
        commands.append(command)
        return fake_training.run(command, **kwargs)

    monkeypatch.setattr(runs.subprocess, "run", run)
    return commands


def table_of(name: str, options: Options):
    """A table with its trainings and rows."""
    data = load_tables()[name]
    return build_table(name, data, engine.BENCHMARKS[data["benchmark"]].opts, options)


def printed_rows(text: str) -> list[list[str]]:
    """Cells of every line of the printed tables, headers included."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
