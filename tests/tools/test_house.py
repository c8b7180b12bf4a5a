"""tools/house.py on a tree whose figures are counted by hand."""

import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2] / "tools" / "house.py"
FILES = {
    "audiodet/__init__.py": "",
    "audiodet/errors.py": "A = 1\nB = 2\n",
    "audiodet/data/table.py": "from audiodet.errors import A\nx, y = 1, 2\nz = [a for a in x]\n",
    "audiodet/model/net.py": "def f():\n    from audiodet.data import table\n    return table\n",
    "audiodet/left/a.py": "import audiodet.right.b\n",
    "audiodet/right/b.py": "from audiodet.left import a  # fmt: skip\n",
    "README.md": "# Title\n\nFour words and 12 numbers: 1.5\n",
}


def test_figures(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    run = [sys.executable, str(HOUSE), str(tmp_path)]
    lines = subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "| data | 1 | 3 |" in lines and "| all 6 | 6 | 10 |" in lines
    assert "floors: 3 (model > data > errors.py)" in lines
    assert "circles of rooms: left <> right" in lines
    assert "comprehensions a thousand lines: 100.0" in lines
    assert "tuple assignments: 25.0 %" in lines
    assert "fmt skips: 1" in lines
    assert lines[-1] == "README: 3 lines, 8 words, 2 numbers"
