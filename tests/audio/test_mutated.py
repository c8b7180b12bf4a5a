"""Recordings with damage: heard, heard with a word, or refused in one line; never anything else."""

import random

import numpy as np
import pytest

from audiodet.audio import audio_info, read_audio, read_blocks
from audiodet.errors import AudioError
from tests.audio.made import APE, CHUNK, ID3, RATE, encoded, listening, noise
from tests.audio.test_compressed import flac_page_of_ogg, mp3_in_wav

SHORT = np.tile(np.linspace(-0.5, 0.5, 100), RATE // 200).astype(np.float32)  # half a second
KINDS = [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "IMA_ADPCM"), ("RF64", "PCM_24")]
KINDS += [("W64", "PCM_16"), ("AIFF", "PCM_16"), ("AIFF", "FLOAT"), ("AU", "ULAW")]
KINDS += [("CAF", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", None)]


def originals() -> list[bytes]:
    found = [encoded(kind, subtype, SHORT) for kind, subtype in KINDS]
    mp3 = found[-1]
    return [
        *found,
        mp3 * 2,
        mp3[400:],
        found[-2] * 2,
        found[-3] * 2,
        mp3_in_wav(mp3),
        flac_page_of_ogg(),
    ]


def mutated(content: bytes, dice: random.Random) -> bytes:
    """One to three changes, most of them where headers are."""
    content = bytearray(content)
    for _ in range(dice.randint(1, 3)):
        place = dice.choice((dice.randrange(64), dice.randrange(1, len(content))))
        kind = dice.randrange(7)
        if kind == 0:
            content[place:place] = noise(dice.randrange(2000))
        elif kind == 1:
            del content[place : place + dice.choice((1, 4, 100, 10000))]
        elif kind == 2:
            content[place : place + 4] = dice.choice((b"\0\0\0\0", b"\xff" * 4, b"\0\0\0\x7f"))
        elif kind == 3:
            content += dice.choice(
                (bytes(3000), noise(3000), APE, CHUNK, content[: len(content) // 2])
            )
        elif kind == 4:
            content[:0] = dice.choice((ID3, APE, bytes(500), noise(500)))
        else:
            content[place % len(content)] ^= 1 << dice.randrange(8)
        content = content or bytearray(b"\0")
    return bytes(content)


def outcome(path) -> str:
    """What comes of reading a file; anything but an AudioError is raised."""
    try:
        info = audio_info(path)
        samples = read_audio(path)
        blocks = sum(len(block) for block in read_blocks(path, 8000, 0.25))
    except AudioError as error:
        assert "\n" not in str(error) and str(error).startswith(str(path))
        return "refused"
    slack = 0.1 * info.sample_rate
    assert np.isfinite(samples).all() and info.samples - slack <= len(samples) <= info.samples
    assert blocks == max(1, round(len(samples) * 8000 / info.sample_rate))
    return "heard" if len(samples) == info.samples else "short"


@pytest.mark.parametrize("seed", range(200))
def test_damage(seed, tmp_path):
    dice = random.Random(seed)
    contents = originals_once()
    path = tmp_path / "a"
    path.write_bytes(mutated(contents[seed % len(contents)], dice))
    with listening() as texts:
        found = outcome(path)
    assert found != "short" or texts


_originals = []


def originals_once() -> list[bytes]:
    if not _originals:
        _originals.extend(originals())
    return _originals
