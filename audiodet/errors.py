"""Errors that a user of audiodet can cause and mend."""


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
