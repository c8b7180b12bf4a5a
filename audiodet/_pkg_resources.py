"""Stand in for ``pkg_resources``, which setuptools no longer has from release 82 on.

Two packages below audiodet import it when they are imported themselves: dcase_util (under sed_eval)
and detectron2's model zoo, which call ``resource_filename``; pytest calls
``fixup_namespace_packages`` once the module is there. An installed ``pkg_resources`` is left alone.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
from pathlib import Path

NAME = "pkg_resources"


def resource_filename(package: str, resource: str) -> str:
    """Path of a file that lies in an importable package."""
    module = importlib.import_module(package)
    return str(Path(module.__file__).parent / resource)


def fixup_namespace_packages(path_item: str, parent: str | None = None) -> None:
    """Nothing to do: only the real module declares packages of that kind."""


class _StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``pkg_resources`` after every other finder has failed to."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == NAME else None

    def exec_module(self, module):
        module.resource_filename = resource_filename
        module.fixup_namespace_packages = fixup_namespace_packages


sys.meta_path.append(_StandIn())
