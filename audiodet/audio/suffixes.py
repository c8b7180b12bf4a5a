"""Which files are recordings, by the ends of their names: the one list of the package."""

import soundfile as sf

_LIBSNDFILE = {f".{name.lower()}" for name in sf.available_formats()}
_OTHER_NAMES = {".aif", ".aifc", ".oga", ".opus", ".snd", ".wave"}  # of the same formats

# In lower case. Without ".raw": headerless samples say neither their rate nor their type.
AUDIO_SUFFIXES = tuple(sorted((_LIBSNDFILE | _OTHER_NAMES) - {".raw"}))

# Sound that libsndfile does not decode.
UNREADABLE_SUFFIXES = (".aac", ".amr", ".m4a", ".mp4", ".wma")
