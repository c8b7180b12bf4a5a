"""The list of suffixes: what libsndfile reads, and nothing else."""

import numpy as np
import pytest
import soundfile as sf

from audiodet.audio.io import read_audio
from audiodet.audio.suffixes import AUDIO_SUFFIXES, UNREADABLE_SUFFIXES


@pytest.mark.parametrize(
    "suffix, options",
    [
        (".wav", {}),
        (".wave", {"format": "WAV"}),
        (".flac", {}),
        (".ogg", {}),
        (".oga", {"format": "OGG"}),
        (".opus", {"format": "OGG", "subtype": "OPUS"}),
        (".mp3", {}),
        (".aiff", {}),
        (".aif", {"format": "AIFF"}),
        (".aifc", {"format": "AIFF"}),
        (".au", {}),
        (".snd", {"format": "AU"}),
        (".caf", {}),
        (".w64", {}),
        (".rf64", {}),
    ],
)
def test_a_file_of_each_common_suffix_is_listed_and_read(suffix, options, tmp_path):
    path = tmp_path / f"tone{suffix}"
    tone = 0.5 * np.sin(np.arange(24000) * 0.1)
    sf.write(path, tone, 48000, **options)
    assert suffix in AUDIO_SUFFIXES
    assert len(read_audio(str(path))) == 24000


def test_every_format_of_the_library_but_headerless_samples_is_listed():
    formats = {f".{name.lower()}" for name in sf.available_formats()}
    assert formats - set(AUDIO_SUFFIXES) == {".raw"}


def test_suffixes_are_lower_case_and_in_one_list_only():
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in AUDIO_SUFFIXES)
    assert not set(AUDIO_SUFFIXES) & set(UNREADABLE_SUFFIXES)
