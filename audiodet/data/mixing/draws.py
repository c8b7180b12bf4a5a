"""Random draws behind :func:`audiodet.data.mixing.recipes.make_recipes`."""

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence

from audiodet.data.mixing.soundbank import Clip
from audiodet.errors import DataError

SPEED_CHANGE = 0.2  # largest relative change of an event's speed
EQ_DB, EQ_BANDS = 10.0, 6  # largest gain and number of control points of an event's equaliser
REVERB_SHARE = 0.25  # events that sound as in a room
REVERB_SECONDS = (0.1, 0.8)  # its reverberation time (60 dB)
REVERB_DB = (-12.0, 3.0)  # energy of its tail relative to the direct sound
GAIN_DB = 6.0  # largest change of a mixture's level
CHAIN_CLIPS = 8  # backgrounds of one label played one after another
OVERLAY_SHARE = 0.5  # mixtures with a second background
OVERLAY_DB = (-12.0, 0.0)  # its level relative to the first one
PLACES = 10  # draws of a further event before it is left out
GAP = 0.2  # between two events of one label, in seconds


class RecipeDraws:
    """Draws the parts of recipes; every purpose has a random stream of its own.

    Args:
        clips: events, backgrounds and distractors.
        seed: text that all streams depend on.
        balanced: deal from shuffled decks, so that all items are used equally often.
        settings: "ebrs" and "jitter" in dB, "duration" in seconds, "augment".
    """

    def __init__(self, clips: list[Clip], seed: str, balanced: bool, settings: dict):
        self.clips, self.seed, self.balanced = clips, seed, balanced
        self.settings = settings
        self.streams, self.decks = {}, {}
        self.pools = defaultdict(list)  # (kind, label or "") -> clips
        for clip in sorted(clips, key=lambda clip: clip.path):
            self.pools[clip.kind, clip.label].append(clip)
            self.pools[clip.kind, ""].append(clip)

    def stream(self, purpose: str) -> random.Random:
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

    def background(self) -> dict:
        """The recipe's fields of the background and of the whole mixture."""
        rng, duration = self.stream("mixture"), self.settings["duration"]
        clip = self.deal("backgrounds", self.pools["backgrounds", ""])
        overlay, gain = None, 0.0
        if self.settings["augment"]:
            gain = round(rng.uniform(-GAIN_DB, GAIN_DB), 2)
            if rng.random() < OVERLAY_SHARE:
                overlay = self._layer(self.deal("overlays", self.pools["backgrounds", ""]))
                del overlay["bg_classname"]
                overlay["level_db"] = round(rng.uniform(*OVERLAY_DB), 2)
        return {
            **self._layer(clip),
            "bg_overlay": overlay,
            "duration": duration,
            "gain_db": gain,
            "seed": rng.randrange(1 << 31),
            "source_group": clip.split_group,
        }

    def _layer(self, clip: Clip) -> dict:
        rng, augment = self.stream("background starts"), self.settings["augment"]
        room, chain = clip.duration - self.settings["duration"], []
        if augment:
            chain = [c.path for c in self.pools["backgrounds", clip.label] if c is not clip]
            chain = rng.sample(chain, min(len(chain), CHAIN_CLIPS - 1))
        room = room if room >= 0 and not augment else clip.duration
        return {
            "bg_path": clip.path,
            "bg_classname": clip.label,
            "bg_start_seconds": _floor(rng.random() * room),
            "bg_chain": chain,
        }

    def sound(self, kind: str, label: str, purpose: str = "event") -> dict:
        """A sound of the label ("" for any) somewhere in the mixture."""
        rng, settings = self.stream(f"{purpose} places"), self.settings
        clips = self.pools[kind, label]
        clip = self.deal(f"{kind} {label}".strip() if purpose == "event" else purpose, clips)
        ebr = self.deal(f"{purpose} ratios", settings["ebrs"])
        segment, duration = clip.offset - clip.onset, settings["duration"]
        speed, augment = 1.0, None
        if settings["augment"]:
            slowest = max(1 - SPEED_CHANGE, segment / duration)
            speed = rng.uniform(slowest, 1 + SPEED_CHANGE)
            gains = [round(rng.uniform(-EQ_DB, EQ_DB), 2) for _ in range(EQ_BANDS)]
            augment = {"speed": round(speed, 4), "eq_db": gains, "reverb": self._reverb(rng)}
            ebr += rng.uniform(-settings["jitter"], settings["jitter"])
        length = round(segment / speed, 6)
        if length > duration:
            raise DataError(f"{clip.path}: the event lasts {length} s, a mixture {duration} s")
        return {
            "event_path": clip.path,
            "event_class": clip.label,
            "event_group": clip.split_group,
            "event_start_in_mixture_seconds": _floor(rng.random() * (duration - length)),
            "event_length_seconds": length,
            "scaling_factor": None,
            "segment_start_seconds": clip.onset,
            "segment_end_seconds": clip.offset,
            "ebr": round(ebr, 3),
            "augment": augment,
        }

    @staticmethod
    def _reverb(rng: random.Random) -> dict | None:
        if rng.random() >= REVERB_SHARE:
            return None
        return {
            "seconds": round(rng.uniform(*REVERB_SECONDS), 3),
            "level_db": round(rng.uniform(*REVERB_DB), 2),
            "seed": rng.randrange(1 << 31),
        }

    def more_events(self, first: dict, most: int) -> list[dict]:
        """Up to ``most`` further events of any label, none over another of its label.

        An event for which PLACES draws find no place is left out.
        """
        rng, events = self.stream("more events"), [first]
        labels = sorted({label for kind, label in self.pools if kind == "events" and label})
        for _ in range(rng.randint(0, most) if most else 0):
            label = rng.choice(labels)
            tries = (self.sound("events", label, f"further {label} events") for _ in range(PLACES))
            fits = next((event for event in tries if not _too_near(event, events)), None)
            events += [fits] if fits else []
        return events[1:]

    def distractors(self, count: int | tuple[int, int]) -> list[dict]:
        least, most = (count, count) if isinstance(count, int) else count
        count = self.stream("distractor counts").randint(least, most)
        return [self.sound("distractors", "", "distractors") for _ in range(count)]


def _too_near(event: dict, others: list[dict]) -> bool:
    """Whether less than GAP lies between the event and another of its label."""
    first = event["event_start_in_mixture_seconds"]
    last = first + event["event_length_seconds"]
    return any(
        first < other["event_start_in_mixture_seconds"] + other["event_length_seconds"] + GAP
        and other["event_start_in_mixture_seconds"] < last + GAP
        for other in others
        if other["event_class"] == event["event_class"]
    )


def _shuffled_decks(items: Sequence, rng: random.Random) -> Iterator:
    while True:
        deck = list(items)
        rng.shuffle(deck)
        yield from deck


def _floor(seconds: float) -> float:
    """Whole tenths of a millisecond, never later: a sound stays inside its mixture."""
    return math.floor(seconds * 1e4) / 1e4
