"""Errors that a user of audiodet can cause and correct."""

import importlib


class AudiodetError(ValueError):
    """Bad input. The message names the file or key, the value found and the value expected.

    Command-line programs print it as one line, without a traceback.
    """


class AudioError(AudiodetError):
    """A recording cannot be used: missing, empty, undecodable, truncated or not finite."""


class DataError(AudiodetError):
    """Labels, recipes, sound banks or datasets contradict themselves or the audio."""


class ConfigError(AudiodetError):
    """A configuration key or a combination of keys cannot work."""


class WeightsError(AudiodetError):
    """A checkpoint does not belong to the model or is not safe to load."""


def require_package(package: str, feature: str) -> None:
    """Raise AudiodetError, before the work begins, when an optional package is not installed."""
    try:
        importlib.import_module(package)
    except ImportError:
        raise AudiodetError(
            f"{feature} needs {package}, which is not installed. Run: pip install {package}"
        ) from None
