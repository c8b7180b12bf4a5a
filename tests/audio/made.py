"""Recordings in memory, and their bytes as other programs leave them."""

import io
import logging
import struct
from contextlib import contextmanager

import numpy as np
import soundfile as sf

from audiodet.audio import audio_info, notes, read_audio, read_blocks

RATE = 44100
SECONDS = np.arange(2 * RATE) / RATE
SWEEP = (0.4 * np.sin(2 * np.pi * (300 + 400 * SECONDS) * SECONDS)).astype(np.float32)  # 2 s
HALVES = (SWEEP[:RATE], SWEEP[RATE:])
ID3 = b"ID3\3\0\0\0\0\x10\0" + bytes(2048)  # 0x10 << 7
ID3_OLD = b"TAG" + bytes(125)
APE = b"APETAGEX" + struct.pack("<4I", 2000, 32, 0, 0) + bytes(8)
CHUNK = b"LIST\4\0\0\0INFO"


def noise(count: int) -> bytes:
    """Bytes that mean nothing."""
    return np.random.default_rng(count).integers(0, 256, count, np.uint8).tobytes()


def encoded(kind: str, subtype: str | None = None, samples=SWEEP, **options) -> bytes:
    """A whole file of samples."""
    file = io.BytesIO()
    sf.write(file, samples, RATE, subtype, format=kind, **options)
    return file.getvalue()


def put(content: bytes, place: int, form: str, value: int) -> bytes:
    """Bytes with a number in them replaced, as :mod:`struct` writes it."""
    content = bytearray(content)
    struct.pack_into(form, content, place, value)
    return bytes(content)


class Heard(logging.Handler):
    """What a reading says."""

    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


@contextmanager
def listening():
    """Yield the list of the warnings of the block, each as often as it comes."""
    handler = Heard()
    notes._said.clear()  # what was said of another file of this name
    notes.logger.addHandler(handler)
    try:
        yield handler.texts
    finally:
        notes.logger.removeHandler(handler)


def heard(path, content: bytes) -> tuple[np.ndarray, str]:
    """Write bytes to a file and read it in three ways -> samples, and the warnings in one line."""
    path.write_bytes(content)
    with listening() as texts:
        samples = read_audio(path)
        assert audio_info(path).samples == len(samples)
        np.testing.assert_array_equal(np.concatenate(list(read_blocks(path, None, 0.3))), samples)
    return samples, "; ".join(texts)
