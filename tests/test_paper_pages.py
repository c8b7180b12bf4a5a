"""Pages of the papers: short, and every test, configuration and table that they name is there."""

import re
from pathlib import Path

import pytest

from papers.tables import load_tables

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs" / "papers").glob("*.md"))
# Tables and figures of each paper.
PRINTED = {
    "audiomask": ("I II III", 5),
    "crnn": ("I II III IV V VI", 7),
    "rcrnn": ("1 2 3 4", 4),
    "self_mask": ("1", 3),
    "tf_segmentation": ("I II III IV V VI VII VIII IX", 8),
}
PRINTED_TABLE = r"<!-- table: \S+ -->\n.*?<!-- end -->\n"
OWN = re.compile(r"\| test \(`::` of `(\S+)`\) \|")


def test_there_is_one_for_each_paper_of_two_pages_at_most_beside_printed_tables():
    names = {"audiomask", "crnn", "rcrnn", "self_mask", "tf_segmentation"}
    assert {page.stem for page in PAGES} == names
    for page in PAGES:
        text = re.sub(PRINTED_TABLE, "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert len(text.splitlines()) <= 110, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    (own,) = OWN.findall(text)
    named = re.findall(r"`(?:pytest )?([^`]*)`", text)
    tests = 0
    for words in named:
        file, _, test = words.partition("::")
        path = ROOT / (file or own)
        if re.fullmatch(r"(tests/\S+|configs/[^*\s]+\.yaml)?", file):
            assert path.is_file(), f"{page.name}: {words}"
        if re.fullmatch(r"(tests/\S+)?::\w+", words):
            assert f"def {test}(" in path.read_text(encoding="utf-8"), f"{page.name}: {words}"
            tests += 1
    assert tests >= 4
    tables = load_tables()
    for name in re.findall(r"<!-- table: (\S+) -->", text):
        assert name in tables
    for name in re.findall(r"tools/reproduce.py ([a-z0-9-]+)", text):
        assert name in tables, f"{page.name}: {name}"


def rows_of(text: str, header: str) -> list[list[str]]:
    """Cells of the rows of the table that begins with a header."""
    rows = []
    for line in text.split(header, 1)[1].splitlines()[2:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_table_and_figure_of_the_paper_has_a_row(page):
    rows = rows_of(page.read_text(encoding="utf-8"), "| paper | command | state |")
    tables, figures = PRINTED[page.stem]
    numbers = {"Table": [], "Fig": []}
    number = r"(?:[IVX]+|[0-9]+)\b"
    for name, *_, state in rows:
        for kind, listed in re.findall(rf"(Table|Fig)\.? ({number}(?:, {number})*)", name):
            numbers[kind] += listed.split(", ")
        assert state, name
    assert set(tables.split()) <= set(numbers["Table"])
    assert {str(i + 1) for i in range(figures)} <= set(numbers["Fig"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_the_same_names_the_test_that_proves_it(page):
    rows = rows_of(page.read_text(encoding="utf-8"), "| paper | here | test")
    assert len(rows) > 12
    for statement, here, test in rows:
        assert re.match(r"(same|differs|not built|not stated)\b", here), statement
        assert "::test_" in test or not here.startswith("same"), statement
