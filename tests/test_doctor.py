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
    known = {*doctor.REQUIRED, *doctor.TRAINING, *doctor.OPTIONAL} | WITH_DETECTRON2
    assert {"pandas", "sklearn", "scipy", "sed_scores_eval"} <= imported() <= known
    for modules, extra in ((doctor.REQUIRED, "LIGHT"), (doctor.TRAINING, "TRAIN")):
        assert {doctor.PACKAGES.get(module, module) for module in modules} <= listed(extra)


def listed(name: str) -> set:
    """Names of the packages in one of setup.py's lists."""
    for node in ast.parse(SETUP.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return {re.match(r"[\w-]+", package)[0] for package in ast.literal_eval(node.value)}
    return set()


def test_a_light_installation_needs_what_is_said_and_no_more():
    light = {"numpy", "soundfile", "soxr", "onnxruntime", "tqdm", "jinja2"}
    assert listed("LIGHT") == light == set(doctor.REQUIRED)


def test_a_light_installation_works(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert doctor.main() == 0
    report = capsys.readouterr().out
    assert "not installed.\n  Run: pip install 'audiodet[train]'" in report
    assert "detectron2" not in report and "torchvision" not in report


def test_a_working_installation(capsys):
    assert doctor.main() == 0
    report = capsys.readouterr().out
    for package in ("torch", "torchvision", "soundfile", "sed_eval"):
        assert f"  {package} {version(package)}" in report
    assert f"detectron2 0.6 (source: {_detectron2.SOURCE}" in report
    assert "libsndfile" in report and "CPU: " in report and "cuda" in report.lower()


def test_missing_and_broken_parts(monkeypatch, capsys, tmp_path):
    names = {"no_such": "no-such", "broken": "broken", "needs": "needs", "rare": "rare"}
    for name, package in names.items():
        monkeypatch.setitem(doctor.PACKAGES, f"audiodet_{name}", package)
    required = ["audiodet_no_such", "audiodet_broken", "audiodet_needs", "numpy"]
    (tmp_path / "audiodet_broken.py").write_text("raise RuntimeError('wrong ABI\\nmore')")
    (tmp_path / "audiodet_needs.py").write_text("import audiodet_dependency.part")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(doctor, "REQUIRED", required)
    monkeypatch.setitem(doctor.PACKAGES, "audiodet_dependency", "'dependency<81'")
    monkeypatch.setattr(doctor, "OPTIONAL", {"audiodet_rare": "rare things"})
    assert doctor.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert "  no-such: missing. Run: pip install no-such" in lines
    assert "  broken: broken (wrong ABI). Run: pip install --force-reinstall broken" in lines
    found = "  needs: broken, it needs audiodet_dependency. Run: pip install 'dependency<81'"
    assert found in lines
    assert "  rare (rare things): missing. Run: pip install rare" in lines
    assert lines[-1] == "3 required parts do not work."


def test_only_optional_parts_missing(monkeypatch):
    monkeypatch.setattr(doctor, "REQUIRED", ["numpy"])
    monkeypatch.setattr(doctor, "OPTIONAL", {"audiodet_no_such": "x"})
    assert doctor.main() == 0


def test_a_bare_python_still_gets_its_report():
    """Without torch and detectron2 audiodet cannot be imported; the file itself runs."""
    bare = [sys.executable, "-S", "-E", str(DOCTOR)]  # -S: no site-packages
    run = subprocess.run(bare, capture_output=True, text=True, timeout=60, cwd="/")
    assert run.returncode == 1 and run.stderr == ""
    assert "  torch: missing. Run: pip install torch\n" in run.stdout
    assert "  detectron2: audiodet needs detectron2" in run.stdout
    assert f"Run: {_detectron2.INSTALL_HINT}\n" in run.stdout
