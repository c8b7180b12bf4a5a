"""MPEG audio (mp3, mp2): frames without a header for all, so they are walked through one by one.

libsndfile believes a tag in the first frame (Xing, Info) for the length, else guesses it from the
first bit rate. Here the frames are counted, and the tag is mended.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from audiodet.audio.source import WINDOW, Part, Source
from audiodet.audio.tags import behind_tag
from audiodet.names import counted

SURE = 3  # frames in a row that are no accident
RATES = ((11025, 12000, 8000), None, (22050, 24000, 16000), (44100, 48000, 32000))  # by version
KILOBITS = {  # by (MPEG 1, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


@dataclass(frozen=True)
class Kind:
    """What a frame's header says.

    Attributes:
        size: of the frame, in bytes.
        samples: in it, per channel.
        tag: where a Xing or Info tag would begin, 0 where none can be.
        stream: what all frames of a stream share.
    """

    size: int
    samples: int
    tag: int
    stream: tuple


@dataclass
class Run:
    """Frames of one stream.

    Attributes:
        kind: of the first frame.
        tag: the frame before, with a tag of the length; b"" where there is none.
        spans: [start, end] of frames that follow each other without a gap.
        frames: their number.
        largest: bytes of the largest.
    """

    kind: Kind
    tag: bytes = b""
    tag_at: int = 0
    spans: list = field(default_factory=list)
    frames: int = 0
    largest: int = 0

    def add(self, place: int, size: int) -> None:
        """The next frame."""
        self.frames += 1
        self.largest = max(self.largest, size)
        if self.spans and self.spans[-1][1] == place:
            self.spans[-1][1] += size
        else:
            self.spans.append([place, place + size])


@lru_cache(4096)
def frame_kind(head: bytes) -> Kind | None:
    """The first four bytes of a frame -> what they say; None where they are none.

    Frames of a free bit rate, which do not say how long they are, are not known.
    """
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version = head[1] >> 3 & 3
    layer = 4 - (head[1] >> 1 & 3)
    bits, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or bits in (0, 15) or rate == 3:
        return None
    first = version == 3
    hz = RATES[version][rate]
    mono = head[3] >> 6 == 3
    samples = {1: 384, 2: 1152, 3: 1152 if first else 576}[layer]
    per_second = KILOBITS[first, layer][bits - 1] * 1000
    padding = head[2] >> 1 & 1
    size = samples // 8 * per_second // hz + padding
    if layer == 1:
        size = (12 * per_second // hz + padding) * 4
    side = {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}[first, mono]
    return Kind(size, samples, 4 + side if layer == 3 else 0, (version, layer, hz, mono))


def begins(source: Source, place: int) -> bool:
    """Whether frames of one stream follow each other from ``place`` on, to the end or for long."""
    stream = None
    for count in range(SURE):
        kind = frame_kind(source.read_at(place, 4))
        if count and place >= source.size:
            return count > 1 or place == source.size
        if kind is None or stream not in (None, kind.stream):
            return count and behind_tag(source, place) > place
        stream = kind.stream
        place += kind.size
    return True


def first_frame(source: Source, start: int, end: int) -> int:
    """The first place from ``start`` on, before ``end``, at which frames begin; -1: nowhere."""
    while (start := source.find(b"\xff", start, end)) >= 0:
        if begins(source, start):
            return start
        start += 1
    return -1


def parts(source: Source) -> tuple[list[Part], list[str]]:
    """The streams of a source that begins with a frame, and what is to be said of them."""
    notes = []
    runs = [run for run in _runs(source, notes) if run.frames]
    found = []
    for run in runs:
        part, said = _part(source, run)
        found.append(part)
        notes += said
    if len(found) > 1:
        notes.append(f"{len(found)} mp3 streams one after another, all are read")
    return found, notes


def _runs(source: Source, notes: list) -> list[Run]:
    """Runs of frames; a tag of the length or another kind of frame begins a new one."""
    runs = []
    for place, data in _frames(source, notes):
        kind = frame_kind(data[:4])
        if has_tag(data, kind):
            runs.append(Run(kind, source.read_at(place, kind.size), place))
        else:
            if not runs or runs[-1].kind.stream != kind.stream:
                runs.append(Run(kind))
            runs[-1].add(place, kind.size)
    return runs


def _frames(source: Source, notes: list) -> Iterator[tuple[int, bytes]]:
    """(place, beginning) of each whole frame; what lies between them is noted but for tags."""
    place = 0
    stream = None
    window, data = 0, b""
    while place < source.size:
        at = place - window
        if at + 64 > len(data):
            window, at = place, 0
            data = source.read_at(place, WINDOW)
        kind = frame_kind(data[at : at + 4])
        if kind and place + kind.size > source.size:
            notes.append("ends within a frame")
            return
        if kind and (kind.stream == stream or begins(source, place)):
            stream = kind.stream
            yield place, data[at : at + 64]
            place += kind.size
            continue
        after = behind_tag(source, place)
        if after == place:
            after = first_frame(source, place + 1, source.size)
            after = source.size if after < 0 else after
            if not source.part(place, after).is_zero(0):
                notes.append(f"{counted(after - place, 'byte')} that are no sound, passed over")
        place = after


def has_tag(data: bytes, kind: Kind) -> bool:
    """Whether a frame holds a tag of the length instead of sound."""
    return data[36:40] == b"VBRI" or (
        kind.tag and data[kind.tag : kind.tag + 4] in (b"Xing", b"Info")
    )


def _part(source: Source, run: Run) -> tuple[Part, list[str]]:
    """A run whose length libsndfile is told."""
    sound = Source.join(source.part(*span) for span in run.spans)
    promised = _promised(run)
    if promised is None:
        return Part(_lengthened(sound, run), run.frames * run.kind.samples), []
    whole = source.part(run.tag_at, run.tag_at + run.kind.size)
    whole = whole.mended(_mended_tag(run, whole.size + sound.size, promised))
    part = Part(Source.join([whole, sound]), missing=max(0, promised / run.frames - 1))
    if 0 < promised < run.frames:
        return part, [f"the header promises {promised:,} mp3 frames, {run.frames:,} are there"]
    return part, []


def _promised(run: Run) -> int | None:
    """Frames that a Xing or Info tag promises; None where it says nothing or is none."""
    tag = run.tag[run.kind.tag :]
    if tag[:4] not in (b"Xing", b"Info") or not tag[7] & 1:
        return None
    return int.from_bytes(tag[8:12], "big")


def _mended_tag(run: Run, size: int, promised: int) -> dict[int, bytes]:
    """Patches of a Xing or Info tag: the number of frames and bytes, and no padding at the end."""
    at = run.kind.tag
    flags = run.tag[at + 7]
    bytes_at = at + 12
    patches = {}
    if flags & 2 and int.from_bytes(run.tag[bytes_at : bytes_at + 4], "big") != size:
        patches[bytes_at] = min(size, 0xFFFFFFFF).to_bytes(4, "big")
    if promised != run.frames:
        patches[at + 8] = run.frames.to_bytes(4, "big")
        lame = at + 8 + 4 + 4 * bool(flags & 2) + 100 * bool(flags & 4) + 4 * bool(flags & 8)
        if lame + 24 <= run.kind.size:  # 12 bits of delay, which stays, and 12 of padding
            patches[lame + 22] = bytes((run.tag[lame + 22] & 0xF0, 0))
    return patches


def _lengthened(sound: Source, run: Run) -> Source:
    """Frames and more behind them, so much that libsndfile does not guess too short a length.

    Some frames of silence, in case that it looks ahead, then zeros.
    """
    silence = sound.read_at(0, 4).ljust(run.kind.size, b"\0") * SURE
    most = (run.frames + 2 * SURE) * (run.largest + 1)
    literal = Source(sound.fd, [(0, len(silence), silence)])
    return Source.join([sound, literal]).followed_by_zeros(max(0, most - sound.size))
