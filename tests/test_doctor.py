"""`audiodet doctor`: what is missing is named with the command that mends it."""
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from audiodet import _detectron2, doctor

DOCTOR = Path(doctor.__file__)


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
    assert lines[-1] == "3 required parts to mend."


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
