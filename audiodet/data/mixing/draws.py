"""Random draws that the recipe rules share."""

import math
import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, replace

from audiodet.data.mixing.parts import Augmentation, Background, Masker, Reverb, Sound
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.soundbank import Clip
from audiodet.errors import DataError

SPEED_CHANGE = 0.2  # largest relative change of an event's speed
EQ_DB = 10.0  # largest gain of an event's equaliser
EQ_BANDS = 6  # its control points
REVERB_SHARE = 0.25  # events that sound as in a room
REVERB_SECONDS = (0.1, 0.8)  # its reverberation time (60 dB)
REVERB_DB = (-12.0, 3.0)  # energy of its tail relative to the direct sound
GAIN_DB = 6.0  # largest change of a mixture's level
CHAIN_CLIPS = 8  # backgrounds of one label played one after another
OVERLAY_SHARE = 0.5  # mixtures with a second background
OVERLAY_DB = (-12.0, 0.0)  # its level relative to the first one
PLACES = 10  # draws of a further event before it is left out
GAP = 0.2  # between two events of one label, in seconds


@dataclass
class RecipeDraws:
    """Draws the parts of recipes; every purpose has a random stream of its own.

    Attributes:
        clips: events, backgrounds and distractors.
        seed: text that all streams depend on.
        balanced: deal from shuffled decks, so that all items are used equally often.
        duration: of a mixture, in seconds.
        ebrs: event-to-background ratios to draw from, in dB.
        ebr_jitter: largest change of a drawn ratio, in dB; only with ``augment``.
        augment: chain and overlay backgrounds; change the speed and spectrum of events and
            distractors, and the level of the mixture.
    """

    clips: InitVar[Iterable[Clip]]
    seed: str
    _: KW_ONLY
    balanced: bool = True
    duration: float = 30.0
    ebrs: Sequence[float] = (-6.0, 0.0, 6.0)
    ebr_jitter: float = 0.0
    augment: bool = False

    def __post_init__(self, clips):
        self.streams = {}
        self.decks = {}
        self.pools = defaultdict(list)  # (kind, label or "" for any) -> clips
        for clip in sorted(clips, key=lambda clip: clip.path):
            self.pools[clip.kind, clip.label].append(clip)
            self.pools[clip.kind, ""].append(clip)

    def stream(self, purpose: str) -> random.Random:
        """The random numbers of one purpose."""
        if purpose not in self.streams:
            self.streams[purpose] = random.Random(f"{self.seed}/{purpose}")
        return self.streams[purpose]

    def deal(self, purpose: str, items: Sequence):
        """Next of endless random items; dealt from shuffled decks when draws are balanced."""
        if not items:
            raise DataError(f"mixtures need {purpose}, the sound bank's selection holds none")
        if not self.balanced:
            return self.stream(purpose).choice(items)
        if purpose not in self.decks:
            self.decks[purpose] = _shuffled_decks(items, self.stream(purpose))
        return next(self.decks[purpose])

    def scene(self, name: str) -> Recipe:
        """A mixture without events; its source is that of its background."""
        rng = self.stream("mixture")
        backgrounds = self.pools["backgrounds", ""]
        clip = self.deal("backgrounds", backgrounds)
        overlay = None
        gain_db = 0.0
        if self.augment:
            gain_db = round(rng.uniform(-GAIN_DB, GAIN_DB), 2)
            if rng.random() < OVERLAY_SHARE:
                layer = self._layer(self.deal("overlays", backgrounds))
                level_db = round(rng.uniform(*OVERLAY_DB), 2)
                overlay = replace(layer, label="", level_db=level_db)
        return Recipe(
            name=name,
            duration=self.duration,
            background=self._layer(clip),
            overlay=overlay,
            gain_db=gain_db,
            seed=rng.randrange(1 << 31),
            source_group=clip.split_group,
        )

    def _layer(self, clip: Clip) -> Background:
        rng = self.stream("background starts")
        chain = []
        room = clip.duration - self.duration
        if self.augment:
            others = [c.path for c in self.pools["backgrounds", clip.label] if c is not clip]
            chain = rng.sample(others, min(len(others), CHAIN_CLIPS - 1))
        if self.augment or room < 0:  # it is chained or looped: any start will do
            room = clip.duration
        return Background(clip.path, _floor(rng.random() * room), tuple(chain), clip.label)

    def sound(self, kind: str, label: str, purpose: str = "event") -> Sound:
        """A sound of the label ("" for any) somewhere in the mixture; DataError if none fits."""
        rng = self.stream(f"{purpose} places")
        deck = f"{kind} {label}".strip() if purpose == "event" else purpose
        clip = self.deal(deck, self.pools[kind, label])
        ebr = self.deal(f"{purpose} ratios", self.ebrs)
        speed = 1.0
        augment = None
        if self.augment:
            slowest = max(1 - SPEED_CHANGE, clip.seconds / self.duration)
            speed = rng.uniform(slowest, 1 + SPEED_CHANGE)
            gains = [round(rng.uniform(-EQ_DB, EQ_DB), 2) for _ in range(EQ_BANDS)]
            augment = Augmentation(round(speed, 4), tuple(gains), _reverb(rng))
            ebr += rng.uniform(-self.ebr_jitter, self.ebr_jitter)
        length = round(clip.seconds / speed, 6)
        if length > self.duration:
            raise DataError(f"{clip.path}: the event lasts {length} s, a mixture {self.duration} s")
        return Sound(
            path=clip.path,
            label=clip.label,
            group=clip.split_group,
            start=_floor(rng.random() * (self.duration - length)),
            length=length,
            segment_start=clip.onset,
            segment_end=clip.offset,
            ebr=round(ebr, 3),
            augment=augment,
        )

    def more_events(self, first: Sound, most: int) -> tuple[Sound, ...]:
        """Up to ``most`` further events of any label, none over another of its label.

        An event for which PLACES draws find no place is left out.
        """
        if not most:
            return ()
        rng = self.stream("more events")
        labels = sorted({label for kind, label in self.pools if kind == "events" and label})
        events = [first]
        for _ in range(rng.randint(0, most)):
            label = rng.choice(labels)
            for _ in range(PLACES):
                event = self.sound("events", label, f"further {label} events")
                if not _too_near(event, events):
                    events.append(event)
                    break
        return tuple(events[1:])

    def distractors(self, count: int | tuple[int, int]) -> tuple[Sound, ...]:
        """Sounds that are not annotated, ``count`` of them or (least, most)."""
        least, most = (count, count) if isinstance(count, int) else count
        drawn = self.stream("distractor counts").randint(least, most)
        return tuple(self.sound("distractors", "", "distractors") for _ in range(drawn))

    def masker(self, recipe: Recipe, label: str, kinds: Collection[str]) -> Masker:
        """Steady noise for a recipe: white, or a background of one of ``kinds``, all equally often.

        Where the recipe has no event, it is as loud as it would be over one of ``label``.
        """
        known = [kind for kind in sorted(kinds) if self.pools["backgrounds", kind]]
        kind = self.deal("masker kinds", ["white", *known])
        sound = recipe.event or self.sound("events", label, "masked sounds")
        if kind == "white":
            return Masker(
                sound, start=_floor(self.stream("masker starts").random() * self.duration)
            )
        clip = self.deal(f"maskers: {kind}", self.pools["backgrounds", kind])
        start = _floor(self.stream("masker starts").random() * clip.duration)
        return Masker(sound, clip.path, start)


def as_events(clips: Iterable[Clip], labels: Collection[str], longest: float) -> list[Clip]:
    """The clips with all sounds of ``labels``, distractors too, as events.

    An event that is longer than ``longest`` seconds is cut there.
    """
    return [
        replace(clip.cut(longest), kind="events") if clip.label in labels else clip
        for clip in clips
    ]


def _reverb(rng: random.Random) -> Reverb | None:
    if rng.random() >= REVERB_SHARE:
        return None
    seconds = round(rng.uniform(*REVERB_SECONDS), 3)
    level_db = round(rng.uniform(*REVERB_DB), 2)
    return Reverb(seconds, level_db, rng.randrange(1 << 31))


def _too_near(event: Sound, others: list[Sound]) -> bool:
    """Whether less than GAP lies between the event and another of its label."""
    return any(
        event.start < other.end + GAP and other.start < event.end + GAP
        for other in others
        if other.label == event.label
    )


def _shuffled_decks(items: Sequence, rng: random.Random) -> Iterator:
    while True:
        deck = list(items)
        rng.shuffle(deck)
        yield from deck


def _floor(seconds: float) -> float:
    """Whole tenths of a millisecond, never later: a sound stays inside its mixture."""
    return math.floor(seconds * 1e4) / 1e4
