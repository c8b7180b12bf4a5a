"""A table goes between its own comments, and nothing else changes."""

import pytest

from audiodet.errors import DataError
from papers.pages import kept, put


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
