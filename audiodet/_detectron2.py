"""Make ``import detectron2`` work, whichever copy of detectron2 is on this machine.

detectron2 is on no package registry. A genuine installation always wins. Otherwise the
unmodified copy that the PyPI package ``labgym`` carries as ``LabGym.detectron2`` answers to the
name ``detectron2``: both names give the very same module objects, so that registries, event
storage and ``isinstance`` checks exist once.
"""
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys

HOST = "LabGym"
INSTALL_HINT = "pip install --no-deps --ignore-requires-python labgym==3.1.2"


class _AliasLoader(importlib.abc.Loader):
    """Hands out the module of the carrying package in place of a new one."""

    def create_module(self, spec):
        module = importlib.import_module(f"{HOST}.{spec.name}")
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module):
        module.__spec__ = self._own_spec  # the import system had put the alias's there


class _AliasFinder(importlib.abc.MetaPathFinder):
    """Resolves ``detectron2`` and ``detectron2.*``; must stand before the path finder."""

    def find_spec(self, name, path=None, target=None):
        if name != "detectron2" and not name.startswith("detectron2."):
            return None
        if importlib.util.find_spec(f"{HOST}.{name}") is None:
            return None
        return importlib.machinery.ModuleSpec(name, _AliasLoader(), is_package=path is None)


def provide_detectron2() -> str:
    """Make ``detectron2`` importable and return its source: "installed" or "labgym".

    Raises:
        ImportError: there is neither; the message says what to install.
    """
    if any(isinstance(finder, _AliasFinder) for finder in sys.meta_path):
        return "labgym"
    if importlib.util.find_spec("detectron2") is not None:
        return "installed"
    if importlib.util.find_spec(HOST) is None or importlib.util.find_spec(f"{HOST}.detectron2") is None:
        raise ImportError(f"audiodet needs detectron2, and none was found. Run: {INSTALL_HINT}")
    sys.meta_path.insert(0, _AliasFinder())
    return "labgym"


SOURCE = provide_detectron2()
