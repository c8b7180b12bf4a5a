"""The wheel, installed beside its dependencies in an empty folder, holds what works from it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from tests.training.sounds import write_folder

ROOT = Path(__file__).resolve().parents[1]
# The dependencies come last, as in any environment: one of them may carry a module of Python's.
START = """
import runpy, sys
sys.path.extend({dependencies!r})
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
USE_ALL = """
import importlib, pkgutil
import audiodet
from detectron2.modeling import build_model

names = [m.name for m in pkgutil.walk_packages(audiodet.__path__, "audiodet.")]
for name in names:
    if not name.endswith("__main__"):
        assert importlib.import_module(name).__file__.startswith({target!r}), name

cfg = audiodet.get_cfg()
path = audiodet.model_zoo.get_config_file("rcrnn/glassbreak.yaml")
assert path.startswith({target!r}), path
cfg.merge_from_file(path)
assert cfg.INPUT.SPECTROGRAM.HOP == 1014  # of its _BASE_
cfg.MODEL.DEVICE = "cpu"
print(len(names), audiodet.modeling.keras_count(build_model(cfg)))
"""


def run(*command, **options) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy of the tree, so that nothing of the build stays in it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("audiodet", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, source)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    run("-m", "pip", "wheel", *options, "--wheel-dir", folder / "dist", source)
    (path,) = (folder / "dist").iterdir()
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs Python in an empty folder, with the installed wheel and its dependencies alone.

    Without ``site`` (-S) no link to a checkout is followed, and -P leaves the folder itself out.
    """
    target = tmp_path_factory.mktemp("target").resolve()
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    run("-m", "pip", "install", *options, "--target", target, wheel)
    empty = tmp_path_factory.mktemp("empty")
    start = tmp_path_factory.mktemp("start") / "start.py"
    dependencies = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    start.write_text(START.format(dependencies=dependencies))
    env = {**os.environ, "PYTHONPATH": str(target)}

    def run_there(script, *arguments) -> str:
        if not isinstance(script, Path):
            code, script = script, start.with_name("code.py")
            script.write_text(code.format(target=str(target)))
        return run("-S", "-P", start, script, *arguments, cwd=empty, env=env)

    run_there.target = target
    run_there.folder = empty
    return run_there


def test_it_holds_the_package_and_the_configurations_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"audiodet"}
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "audiodet").rglob("*.py")}
    assert modules <= names
    configs = {path.relative_to(ROOT).as_posix() for path in (ROOT / "configs").rglob("*.yaml")}
    assert len(configs) > 50
    assert {f"audiodet/model_zoo/{name}" for name in configs} <= names
    assert not (ROOT / "audiodet" / "model_zoo" / "configs").exists()  # once in the tree
    templates = (ROOT / "audiodet" / "visualization" / "report" / "templates").iterdir()
    assert {path.relative_to(ROOT).as_posix() for path in templates} <= names


def test_every_module_is_imported_and_a_configuration_built(installed):
    """The network has as many parameters as the paper says (its Table 2)."""
    modules = len(list((ROOT / "audiodet").rglob("*.py"))) - 1  # but for the package itself
    assert installed(USE_ALL).split()[-2:] == [str(modules), "1250394"]


def test_the_command(installed):
    command = installed.target / "bin" / "audiodet"
    assert "detect" in installed(command, "--help")
    assert "All required parts work." in installed(command, "doctor")
    samples = np.random.default_rng(0).normal(0, 0.01, 44100)
    sf.write(installed.folder / "quiet.wav", samples, 44100)
    installed(command, "detect", "quiet.wav", "-o", "found", "--device", "cpu")
    lines = (installed.folder / "found" / "audiodet_events.tsv").read_text().splitlines()
    assert lines[0].split("\t")[0] == "filename" and lines[1].startswith("quiet.wav")
    installed(command, "report", "found")
    assert "quiet.wav" in (installed.folder / "found" / "report" / "index.html").read_text()


def test_it_trains(installed, tmp_path):
    """One command, with the recipes and the start that ship; then the folder detects."""
    folder = write_folder(tmp_path, {"train": 4, "val": 2, "test": 2}, length=0.4)
    command = installed.target / "bin" / "audiodet"
    more = ("--device", "cpu", "--quiet", "SOLVER.MAX_ITER", "10", "SOLVER.IMS_PER_BATCH", "2")
    installed(command, "train", folder / "audio", folder / "labels", "-o", "mine", *more)
    installed(command, "detect", folder / "audio", "--model", "mine", "-o", "heard")
    assert (installed.folder / "heard" / "audiodet_events.tsv").is_file()
