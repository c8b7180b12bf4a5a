"""Make ``import detectron2`` work, whichever copy of detectron2 is on this machine.

detectron2 is on no package registry. A genuine installation always wins. Otherwise the copy that
the PyPI package ``labgym`` carries (Meta's sources, their imports rewritten to
``LabGym.detectron2``) answers to the name ``detectron2``: both names give the very same module
objects, so that registries, event storage and ``isinstance`` checks exist once.
"""

import importlib.abc
import importlib.util
import sys
import types

from audiodet._screen import log_as_detectron2

HOST = "LabGym"
INSTALL_HINT = "pip install --no-deps --ignore-requires-python labgym==3.1.2"


class _AliasLoader(importlib.abc.Loader):
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
        if SOURCE == "missing":
            message = f"audiodet needs detectron2, and none was found. Run: {INSTALL_HINT}"
            raise ModuleNotFoundError(message, name=name)
        if importlib.util.find_spec(f"{HOST}.{name}") is None:
            return None
        return importlib.machinery.ModuleSpec(name, _AliasLoader(), is_package=path is None)


def provide_detectron2() -> str:
    """Make ``detectron2`` importable; its source: "installed", "labgym" or "missing"."""
    spec = importlib.util.find_spec("detectron2")
    if spec is not None and spec.origin:  # a mere folder of that name has no origin
        return "installed"
    sys.meta_path.insert(0, _AliasFinder())
    host = importlib.util.find_spec(HOST)
    if host is not None and HOST not in sys.modules:  # nothing of labgym itself is executed
        sys.modules[HOST] = types.ModuleType(HOST)
        sys.modules[HOST].__path__ = host.submodule_search_locations
    if host is None or importlib.util.find_spec(f"{HOST}.detectron2") is None:
        return "missing"
    log_as_detectron2()
    return "labgym"


SOURCE = provide_detectron2()
