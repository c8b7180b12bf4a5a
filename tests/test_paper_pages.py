"""Pages of the papers: short, and every test, configuration and table that they name is there."""

import re
from pathlib import Path

import pytest

from papers.tables import load_tables

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs" / "papers").glob("*.md"))
OWN = re.compile(r"\| test \(`::` of `(\S+)`\) \|")


def test_there_is_one_for_each_paper_of_two_pages_at_most():
    names = {"audiomask", "crnn", "rcrnn", "self_mask", "tf_segmentation"}
    assert {page.stem for page in PAGES} == names
    for page in PAGES:
        assert len(page.read_text(encoding="utf-8").splitlines()) <= 120, page.name


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
