"""Files and command lines -> a checked configuration."""

import difflib

import yaml

from audiodet.config import ConfigNode, get_cfg
from audiodet.config.checks import check_config
from audiodet.config.modules import import_modules
from audiodet.errors import ConfigError


def load_config(config_file: str = "", opts=()) -> ConfigNode:
    """Defaults, then a YAML with its ``_BASE_``, then ``KEY VALUE`` pairs -> frozen config.

    The user's ``MODULES`` are imported.

    Raises:
        ConfigError: unknown key (the nearest known one is named), a file that is no plain YAML,
            a module that is not there, or keys that cannot work.
    """
    cfg = get_cfg()
    _merge(cfg, config_file, list(opts))
    import_modules(cfg.MODULES)
    check_config(cfg)
    cfg.freeze()
    return cfg


def _merge(cfg, config_file: str, opts: list) -> None:
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
        raise ConfigError(f"{where}: {' '.join(str(error).split())}") from error
    except (AttributeError, TypeError) as error:
        raise ConfigError(f"{where}: no configuration, expected KEY: value lines") from error


def _all_keys(node, prefix="") -> list[str]:
    keys = []
    for key, value in node.items():
        keys.append(prefix + key)
        if isinstance(value, dict):
            keys += _all_keys(value, f"{prefix}{key}.")
    return keys
