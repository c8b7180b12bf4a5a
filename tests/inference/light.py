"""A light installation in an empty venv of its own."""

import os
import shutil
import subprocess
import sys
import warnings
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
NO_INDEX = "(from versions: none)"  # pip, where no index answers


def install(venv: Path) -> str:
    """`make install-light` into a folder -> its Python.

    Where pip reaches no package index, what audiodet asks for is copied from the running venv, and
    a warning says so: all is checked then but what an index has.
    """
    command = ["make", "install-light", f"LIGHT={venv}", f"PYTHON={sys.executable}"]
    environment = {**os.environ, "PIP_RETRIES": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        if NO_INDEX not in done.stderr:
            pytest.fail(f"make install-light: {done.stdout}{done.stderr}")
        warnings.warn("no package index: the light installation is copied", stacklevel=2)
        _copy(venv)
    return f"{venv}/bin/python"


def _copy(venv: Path) -> None:
    """A venv with what audiodet requires without extras, taken from the running one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", venv], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "audiodet.pth").write_text(f"{ROOT}\n")
    waiting = requires("audiodet")
    copied = set()
    while waiting:
        needed = Requirement(waiting.pop())
        if needed.name in copied or (needed.marker and not needed.marker.evaluate({"extra": ""})):
            continue
        copied.add(needed.name)
        found = distribution(needed.name)
        waiting += found.requires or ()
        for file in found.files:
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file.locate(), site / file)


def size_of(folder: Path) -> float:
    """Size of all files under a folder, in MB."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files) / 1e6
