"""`audiodet doctor`: what is missing is named with the command that mends it."""

import ast
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from audiodet import _detectron2
from audiodet.cli import doctor

DOCTOR = Path(doctor.__file__)
PACKAGE = DOCTOR.parents[1]
SETUP = PACKAGE.parent / "setup.py"
WITH_DETECTRON2 = {"detectron2", "fvcore"}  # the report on detectron2 is on these, too


def imported() -> set:
    """Modules that audiodet imports anywhere and that are not of Python or its own."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"audiodet"}


def test_all_that_audiodet_imports_is_looked_at_and_installed():
    required = {part.module: part.package for part in doctor.REQUIRED}
    known = set(required) | {part.module for part in doctor.OPTIONAL} | WITH_DETECTRON2
    assert {"pandas", "sklearn", "scipy", "sed_scores_eval"} <= imported() <= known
    installed = re.findall(r'^ {8}"([\w-]+)', SETUP.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(required.values()) <= set(installed)


def test_a_working_installation(capsys):
    assert doctor.main() == 0
    report = capsys.readouterr().out
    for package in ("torch", "torchvision", "soundfile", "sed_eval"):
        assert f"  {package} {version(package)}" in report
    assert f"detectron2 0.6 (source: {_detectron2.SOURCE}" in report
    assert "libsndfile" in report and "CPU: " in report and "cuda" in report.lower()


def test_missing_and_broken_parts(monkeypatch, capsys, tmp_path):
    parts = [doctor.Part("audiodet_no_such", "no-such"), doctor.Part("audiodet_broken", "broken")]
    parts += [doctor.Part("audiodet_needs", "needs"), doctor.Part("numpy", "numpy")]
    (tmp_path / "audiodet_broken.py").write_text("raise RuntimeError('wrong ABI\\nmore')")
    (tmp_path / "audiodet_needs.py").write_text("import audiodet_dependency.part")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(doctor, "REQUIRED", parts)
    monkeypatch.setitem(doctor.PACKAGES, "audiodet_dependency", "'dependency<81'")
    optional = doctor.Part("audiodet_rare", "rare", "rare things")
    monkeypatch.setattr(doctor, "OPTIONAL", [optional])
    assert doctor.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert "  no-such: missing. Run: pip install no-such" in lines
    assert "  broken: broken (wrong ABI). Run: pip install --force-reinstall broken" in lines
    found = "  needs: broken, it needs audiodet_dependency. Run: pip install 'dependency<81'"
    assert found in lines
    assert "  rare (rare things): missing. Run: pip install rare" in lines
    assert lines[-1] == "3 required parts do not work."


def test_only_optional_parts_missing(monkeypatch):
    monkeypatch.setattr(doctor, "REQUIRED", [doctor.Part("numpy", "numpy")])
    monkeypatch.setattr(doctor, "OPTIONAL", [doctor.Part("audiodet_no_such", "no-such", "x")])
    assert doctor.main() == 0


def test_a_bare_python_still_gets_its_report():
    """Without torch and detectron2 audiodet cannot be imported; the file itself runs."""
    bare = [sys.executable, "-S", "-E", str(DOCTOR)]  # -S: no site-packages
    run = subprocess.run(bare, capture_output=True, text=True, timeout=60, cwd="/")
    assert run.returncode == 1 and run.stderr == ""
    assert "  torch: missing. Run: pip install torch\n" in run.stdout
    assert "  detectron2: audiodet needs detectron2" in run.stdout
    assert f"Run: {_detectron2.INSTALL_HINT}\n" in run.stdout
