"""A user's own modules: what registers systems, datasets, hooks and evaluators from outside."""

import importlib
import sys
from pathlib import Path

from audiodet.errors import ConfigError


def import_modules(names) -> None:
    """Import the modules that ``MODULES`` names: modules that Python finds, or .py files.

    The folder of a file joins ``sys.path``, so that processes which are started later find the
    module too. Errors inside a module are raised as they are.

    Raises:
        ConfigError: no such module or file, or another module has the file's name.
    """
    for name in names:
        if name.endswith(".py"):
            _import_file(Path(name).resolve())
            continue
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name.split(".")[0] and error.name != name:
                raise
            raise ConfigError(
                f"MODULES names {name!r}: no such module, expected one that Python can import, or "
                "the path of a .py file"
            ) from error


def _import_file(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"MODULES names {path}: no such file")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    module = importlib.import_module(path.stem)
    origin = module.__file__ or ""
    if Path(origin).resolve() != path:
        raise ConfigError(
            f"MODULES names {path}, but Python's module {path.stem!r} is {origin or 'built in'}: "
            "give the file another name"
        )
