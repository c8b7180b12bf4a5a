"""Which detectron2 answers, and that there is only one of it."""

import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap

import pytest

from audiodet import _detectron2

needs_labgym = pytest.mark.skipif(
    _detectron2.SOURCE != "labgym", reason="a genuine detectron2 is installed here: it is in use"
)


def run_python(code: str, **environment):
    """Run code in a fresh interpreter from a folder that is not the repository."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        cwd="/",
        capture_output=True,
        text=True,
    )


@needs_labgym
@pytest.mark.parametrize("first", ["detectron2", "LabGym.detectron2"])
def test_both_names_give_the_same_modules(first):
    second = {"detectron2": "LabGym.detectron2"}.get(first, "detectron2")
    done = run_python(
        f"""
        import audiodet
        import {first}.utils.events, {first}.modeling, {second}.utils.events, {second}.modeling
        import sys
        import detectron2.utils.events as events, LabGym.detectron2.utils.events as carried
        assert events is carried
        carried_modeling = LabGym.detectron2.modeling
        assert detectron2.modeling.META_ARCH_REGISTRY is carried_modeling.META_ARCH_REGISTRY
        assert events.__spec__.name == "LabGym.detectron2.utils.events"
        assert sys.modules["LabGym"].__doc__ is None  # it was not executed
        others = [name for name in sys.modules if name.startswith("LabGym.")
                  and not name.startswith("LabGym.detectron2")]
        assert not others, others
        """
    )
    assert done.returncode == 0, done.stderr


def _describe(box):
    from detectron2.structures import Boxes

    return type(box) is Boxes, float(box.area())


def test_objects_travel_into_spawned_workers():
    import torch
    from detectron2.structures import Boxes

    box = Boxes(torch.tensor([[1.0, 0.0, 3.0, 2.0]]))
    assert _describe(pickle.loads(pickle.dumps(box))) == (True, 4.0)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_describe, (box,)) == (True, 4.0)


def test_a_genuine_installation_wins(tmp_path):
    (tmp_path / "detectron2").mkdir()
    (tmp_path / "detectron2" / "__init__.py").write_text("__version__ = 'genuine'\n")
    done = run_python(
        """
        import audiodet, detectron2
        assert audiodet._detectron2.SOURCE == "installed"
        assert detectron2.__version__ == "genuine"
        """,
        PYTHONPATH=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr


def test_neither_is_one_clear_error():
    done = run_python(
        """
        import importlib.util
        real = importlib.util.find_spec
        gone = ("detectron2", "LabGym")
        importlib.util.find_spec = lambda n, *a: None if n.split(".")[0] in gone else real(n, *a)
        import audiodet
        importlib.util.find_spec = real
        from audiodet.config import get_cfg
        get_cfg()
        """
    )
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].endswith(_detectron2.INSTALL_HINT)


def test_a_missing_submodule_is_an_ordinary_import_error():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        import detectron2.no_such_module  # noqa: F401
