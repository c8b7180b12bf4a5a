"""Bytes as bad disks, cut transfers and hostile hands leave them."""

import random

EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\1\0\0\0")
HEAD = 200  # bytes in which most of a header lies


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one to three things done to them."""
    for _ in range(rng.randint(1, 3)):
        data = rng.choice(MUTATIONS)(bytearray(data), rng)
    return bytes(data)


def _place(data: bytearray, rng: random.Random) -> int:
    """Mostly in the header."""
    end = len(data) if rng.random() < 0.3 else min(len(data), HEAD)
    return rng.randrange(end) if end else 0


def _flip(data, rng):
    for _ in range(rng.choice((1, 1, 4, 30))):
        if data:
            data[_place(data, rng)] = rng.randrange(256)
    return data


def _cut(data, rng):
    return data[: rng.randrange(len(data) + 1)]


def _extreme(data, rng):
    place = _place(data, rng)
    data[place : place + 4] = rng.choice(EXTREMES)
    return data


def _repeat(data, rng):
    place = _place(data, rng)
    size = rng.choice((1, 8, 64, 4096))
    return data[:place] + data[place : place + size] * rng.randint(2, 5) + data[place:]


def _remove(data, rng):
    place = _place(data, rng)
    del data[place : place + rng.choice((1, 4, 64, 4096))]
    return data


def _zeros(data, rng):
    place = _place(data, rng)
    size = min(len(data) - place, rng.choice((4, 512, 4096)))
    data[place : place + size] = bytes(size)
    return data


def _append(data, rng):
    return data + rng.choice((bytes(1000), rng.randbytes(1000), bytes(data[:500])))


MUTATIONS = (_flip, _cut, _extreme, _repeat, _remove, _zeros, _append)
