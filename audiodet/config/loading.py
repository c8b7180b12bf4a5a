"""Files and command lines -> a checked configuration, and the user's own modules that it names."""

import difflib
import importlib
import re
import sys
from pathlib import Path

import yaml

from audiodet.config import ConfigNode, get_cfg
from audiodet.config.checks import check_config
from audiodet.errors import ConfigError

MISMATCH = re.compile(
    r"Type mismatch \(<class '(\w+)'> vs\. <class '(\w+)'>\) with values \((.*) vs\. (.*)\) for "
    r"config key: (\S+)"
)


def load_config(config_file: str = "", opts=()) -> ConfigNode:
    """Defaults, then a YAML with its ``_BASE_``, then ``KEY VALUE`` pairs -> frozen config.

    The user's ``MODULES`` are imported.

    Raises:
        ConfigError: unknown key (the nearest known one is named), a file that is no plain YAML,
            a module that is not there, or keys that cannot work.
    """
    cfg = get_cfg()
    merge(cfg, config_file, list(opts))
    import_modules(cfg.MODULES)
    check_config(cfg)
    cfg.freeze()
    return cfg


def merge(cfg: ConfigNode, config_file: str, opts: list) -> None:
    """Put a YAML and then ``KEY VALUE`` pairs into a configuration, in place.

    Raises:
        ConfigError: unknown key (the nearest known one is named), a value of another type, or a
            file that is no plain YAML.
    """
    where = config_file
    try:
        if config_file:
            cfg.merge_from_file(config_file)
        where = "command line"
        known = _all_keys(cfg)
        for key in opts[0::2]:
            if key not in known:
                raise KeyError(key)
        cfg.merge_from_list(opts)
    except KeyError as error:
        key = str(error.args[0]).rsplit(" ", 1)[-1]
        near = difflib.get_close_matches(key, _all_keys(cfg), n=1)
        hint = f", did you mean {near[0]}?" if near else ""
        raise ConfigError(f"{where}: unknown key {key}{hint}") from error
    except (AssertionError, ValueError, OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{where}: {_in_words(str(error))}") from error
    except (AttributeError, TypeError) as error:
        raise ConfigError(f"{where}: no configuration, expected KEY: value lines") from error


def _in_words(text: str) -> str:
    """An error of yacs on one line; of a value of another type what is there and what should be."""
    text = " ".join(text.split())
    return MISMATCH.sub(r"\5 is \4 (\2), expected \1 such as \3", text)


def _all_keys(node, prefix="") -> list[str]:
    keys = []
    for key, value in node.items():
        keys.append(prefix + key)
        if isinstance(value, dict):
            keys += _all_keys(value, f"{prefix}{key}.")
    return keys


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
