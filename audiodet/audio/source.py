"""Bytes of a file, in pieces that may be cut, joined and mended, to be read like a file."""

import io
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

ZEROS = b"zeros"  # stands for as many zeros as a piece is long
WINDOW = 1 << 20  # bytes that a search holds at a time
SPARED = 64


class Source(io.RawIOBase):
    """Pieces of an open file and literal bytes, one after another; memory does not grow with them.

    Attributes:
        size: in bytes.
    """

    def __init__(self, fd: int, pieces: Iterable[tuple[int, int, bytes | None]]):
        """
        Args:
            fd: of the open file; it is not closed here.
            pieces: (first byte in the file, number of bytes, None), (0, number, bytes), or
                (0, number, ZEROS).
        """
        self.fd = fd
        self.pieces = tuple(piece for piece in pieces if piece[1] > 0)
        self._starts = [0, *accumulate(length for _, length, _ in self.pieces)]
        self.size = self._starts.pop()
        self._place = 0

    @classmethod
    def of_file(cls, fd: int) -> "Source":
        """All bytes of an open file."""
        return cls(fd, [(0, os.fstat(fd).st_size, None)])

    @classmethod
    def join(cls, sources: Iterable["Source"]) -> "Source":
        """Sources of one file, one after another; neighbours become one piece."""
        pieces = []
        fd = -1
        for source in sources:
            fd = source.fd
            for begin, length, literal in source.pieces:
                before = pieces[-1] if pieces else (0, 0, b"")
                if literal is None and before[2] is None and sum(before[:2]) == begin:
                    pieces[-1] = (before[0], before[1] + length, None)
                else:
                    pieces.append((begin, length, literal))
        return cls(fd, pieces)

    def on(self, fd: int) -> "Source":
        """The same pieces of the same file, opened anew."""
        return Source(fd, self.pieces)

    def is_file(self) -> bool:
        """Whether these are all bytes of the file as they are."""
        whole = (0, os.fstat(self.fd).st_size, None)
        return self.pieces == (whole,)

    def part(self, start: int, end: int) -> "Source":
        """The bytes from ``start`` to ``end``."""
        pieces = []
        for first, (begin, length, literal) in self._from(start):
            skip = max(0, start - first)
            stop = min(length, end - first)
            if first >= end:
                break
            if literal is not None:
                cut = literal if literal is ZEROS else literal[skip:stop]
                pieces.append((0, stop - skip, cut))
            else:
                pieces.append((begin + skip, stop - skip, None))
        return Source(self.fd, pieces)

    def mended(self, patches: dict[int, bytes]) -> "Source":
        """The bytes with others in the place of some: {first byte: new bytes}."""
        sources = []
        done = 0
        for place, new in sorted(patches.items()):
            sources += [self.part(done, place), Source(self.fd, [(0, len(new), new)])]
            done = place + len(new)
        return Source.join([*sources, self.part(done, self.size)])

    def followed_by_zeros(self, count: int) -> "Source":
        """These bytes, then so many that are zero."""
        return Source(self.fd, [*self.pieces, (0, count, ZEROS)])

    def read_at(self, offset: int, count: int) -> bytes:
        """``count`` bytes from ``offset`` on, fewer where the source ends."""
        found = []
        for first, (begin, length, literal) in self._from(offset):
            skip = max(0, offset - first)
            take = min(count, length - skip)
            if take <= 0:
                break
            if literal is ZEROS:
                found.append(bytes(take))
            elif literal is not None:
                found.append(literal[skip : skip + take])
            else:
                found.append(os.pread(self.fd, take, begin + skip))
            count -= take
        return b"".join(found)

    def find(self, words: bytes, start: int, end: int | None = None) -> int:
        """First place of ``words`` from ``start`` on, before ``end``; -1 where there is none."""
        end = self.size if end is None else min(end, self.size)
        while start < end:
            place = self.read_at(start, min(WINDOW, end - start)).find(words)
            if place >= 0:
                return start + place
            start += WINDOW - len(words) + 1
        return -1

    def is_zero(self, start: int) -> bool:
        """Whether all bytes from ``start`` on are zero."""
        for place in range(start, self.size, WINDOW):
            data = self.read_at(place, WINDOW)
            if data != bytes(len(data)):
                return False
        return True

    def without_zeros(self) -> "Source":
        """The bytes without most of the zeros at their end: SPARED of them may belong to them."""
        end = self.size
        while end > 0:
            start = max(0, end - WINDOW)
            data = self.read_at(start, end - start).rstrip(b"\0")
            end = start + len(data)
            if data:
                break
        return self.part(0, min(self.size, end + SPARED))

    def _from(self, offset: int) -> Iterator[tuple[int, tuple]]:
        """(place in this source, piece) of the pieces that end behind ``offset``."""
        index = max(0, bisect_right(self._starts, offset) - 1)
        yield from zip(self._starts[index:], self.pieces[index:])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self.size}[whence]
        self._place = base + offset
        return self._place

    def readinto(self, buffer) -> int:
        data = self.read_at(self._place, len(buffer))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


@dataclass(frozen=True)
class Part:
    """A stream that libsndfile decodes by itself; a recording is one or several, joined.

    Attributes:
        source: its bytes, as a file.
        frames: that it holds, where libsndfile would only guess.
        missing: what its header promises beyond that, as a share of what there is.
    """

    source: Source
    frames: int | None = None
    missing: float = 0.0
