"""A table goes between its own comments, and nothing else changes."""

import json
import os

import pytest

from audiodet.errors import DataError
from papers import pages, runs
from papers.pages import heading, kept, made_now, put
from tests.tiny import run_tool
from tests.tools.papers.conftest import printed_rows


def test_a_table_replaces_the_one_before(tmp_path):
    page = tmp_path / "crnn.md"
    other = "<!-- table: b -->\nkept\n<!-- end -->\n"
    page.write_text(f"# A\n<!-- table: a -->\nold\nold\n<!-- end -->\nbetween\n{other}")
    with kept() as text:
        print("\n| new \\1 |")
    assert put("a", text.getvalue(), tmp_path) == page
    expected = f"# A\n<!-- table: a -->\n| new \\1 |\n<!-- end -->\nbetween\n{other}"
    assert page.read_text() == expected
    with pytest.raises(DataError, match="no page has <!-- table: c -->"):
        put("c", "", tmp_path)


def test_a_heading_says_when_where_and_how(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("{}")
    made = {"day": "2026-01-02", "machine": "a machine, 2 cores"}
    assert heading(path, made, "a b") == "2026-01-02, a machine, 2 cores: `a b`\n"
    os.utime(path, (0, 86400 * 365))
    assert heading(path, {}, "a b") == "1971-01-01: `a b`\n"
    assert made_now()["machine"].endswith("cores")


def test_a_stored_report_fills_its_page_again(tmp_path, monkeypatch, capsys):
    """Nothing is trained or scored; only rows that the report has are shown."""
    figures = {"ER": 0.5, "ER-source-low": 0.4, "ER-source-high": 0.6, "F1": 61.25, "AP50": 50.0}
    report = {
        row: {c: figures for c in ("quiet", "hard")} | {"minutes": 3.0} for row in ("bigru", "none")
    }
    difference = {"ER": [-0.1, -0.2, -0.05], "verdict": "confirmed"}
    report["claims"] = {"bigru - none, quiet": difference}
    (tmp_path / "rcrnn-table1.json").write_text(json.dumps(report))
    monkeypatch.setattr(runs.subprocess, "run", None)
    page = tmp_path / "page.md"
    page.write_text("<!-- table: rcrnn-table1 -->\n<!-- end -->\n")
    monkeypatch.setattr(pages.put, "__defaults__", (tmp_path,))
    monkeypatch.setattr(pages.page_of, "__defaults__", (tmp_path,))
    options = ("--output-dir", tmp_path, "--stored", "--write")
    assert run_tool(monkeypatch, "rcrnn-table1", *options, tool="reproduce") == ""
    lines = page.read_text().splitlines()
    rows = printed_rows(page.read_text())
    assert [cells[0] for cells in rows] == ["recurrent layer", "none", "bigru"]
    assert rows[2][1:4] == ["0.50 [0.40, 0.60]", "61.2", "50.0"]
    assert "- bigru - none, quiet: ER -0.10 [-0.20, -0.05]: confirmed in ER" in lines
    said = run_tool(monkeypatch, "rcrnn-table3", *options[:3], tool="reproduce")
    assert "rcrnn-table3.json: cannot be read" in said
