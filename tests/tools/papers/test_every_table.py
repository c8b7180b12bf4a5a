"""Every table that a data file names, from its command line to its report; trainings are faked."""

import json
import math
from dataclasses import replace

import pytest

from papers import engine
from audiodet.config.node import as_arguments
from papers.tables import load_tables
from tests.tiny import run_tool
from tests.tools.papers.conftest import printed_rows, table_of

TABLES = load_tables()
NAMES = {
    *("audiomask-table2", "audiomask-table1", "audiomask-table3", "audiomask-anchors"),
    *("crnn-table2", "crnn-table3", "crnn-table4", "crnn-figure4", "rare-crowd", "rare-mini"),
    *("rcrnn-table1", "rcrnn-table2", "rcrnn-table3", "selfmask-table1", "systems"),
    *("tfseg-table2", "tfseg-table5", "tfseg-table6", "tfseg-table9"),
}
VERDICTS = {"confirmed", "contradicted", "not shown"}


def test_no_name_is_lost():
    assert set(TABLES) >= NAMES


@pytest.fixture
def reproduce(monkeypatch, synthetic_bank, tmp_path, capsys):
    """Runs tools/reproduce.py -> (report, what it printed)."""
    monkeypatch.setenv("AUDIODET_SOUNDBANK", synthetic_bank)

    def run(name, *arguments):
        said = run_tool(monkeypatch, name, "--output-dir", tmp_path, *arguments, tool="reproduce")
        assert said == "", said
        shipped = "-shipped" if "--shipped" in arguments else ""
        report = json.loads((tmp_path / f"{name}{shipped}.json").read_text())
        return report, capsys.readouterr().out

    return run


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_from_the_command_line_to_its_report(name, reproduce, trainings, options):
    folds = ["--folds", 1, 2] if len(TABLES[name].get("folds", [])) > 1 else []
    report, said = reproduce(name, *folds)
    table = table_of(name, replace(options, folds=tuple(folds[1:])))
    rows, benchmark = table.rows, TABLES[name]["benchmark"]
    printed = printed_rows(said)
    cells = {cell for line in printed for cell in line}
    for row in rows:
        assert row.label in cells
        assert report[row.label]
    assert {len(line) for line in printed[: len(rows)]} == {len(printed[0])}
    pairs = TABLES[name].get("claims", [])
    verdicts = [found["verdict"] for found in report["claims"].values() if "verdict" in found]
    assert set(verdicts) <= VERDICTS and len(verdicts) >= len(pairs)
    for figures in TABLES[name].get("paper", {}).values():
        assert {str(figure) for figure in figures.values()} <= cells
    for line in TABLES[name].get("published", {}).get("rows", []):
        assert line in printed
    for line in printed[1:]:
        assert "n/a" not in line or line[0] in ("GMM", "energy onset", "spectral flux")
    assert len(trainings) == (len(table.runs) if engine.BENCHMARKS[benchmark].trains else 0)
    assert all(run.done for run in table.runs)  # and would not be trained again


@pytest.mark.parametrize("name", sorted(TABLES))
def test_the_trainings_of_a_table_have_folders_of_their_own(name, options):
    table = table_of(name, options)
    runs = [run for group in table.trainings.values() for run in group]
    assert len({run.folder for run in runs}) == len(runs)
    for run in runs:
        assert run.folder.parent == options.root
        assert "{" not in f"{run.folder} {run.weights} {as_arguments(run.opts)}"  # all filled in
        assert (run.fold is None) or (run.seed is None)
        assert run.config.is_file() and run.cfg.is_frozen()


def test_claims_are_judged_by_their_intervals():
    """A benchmark whose differences are given: of ER less is better."""

    class Given:
        metric, interval = "ER", "by hand"

        def difference(self, a, b):
            return {"ER": (a + b, a, b)}

    class Pairs:
        def pairs(self, key):
            return [("a", "b")] if key == "claims" else []

    def judged(low, high):
        scores = {"a": {"x": low}, "b": {"x": high}}
        return engine._claims(Pairs(), Given(), scores)["a - b"]["verdict"]

    assert judged(-2.0, -1.0) == "confirmed"
    assert judged(1.0, 2.0) == "contradicted"
    assert judged(-1.0, 1.0) == judged(math.nan, math.nan) == "not shown"
