"""What a mixture is made of, where each sound lies and how loud it is: plain data.

Written down (:meth:`Recipe.to_dict`), a recipe has the fields of the official synthesizer of TUT
rare sound events 2017 and audiodet's own beside them, and survives JSON and YAML. All paths are
relative to the sound bank.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from audiodet.data.mixing.parts import (
    OVERLAY_FIELDS,
    SCENE_FIELDS,
    SOUND_FIELDS,
    Background,
    Masker,
    Sound,
    read_fields,
    write_fields,
)


@dataclass(frozen=True)
class Recipe:
    """One mixture.

    Attributes:
        name: file name of the mixture.
        duration: its length in seconds.
        background, overlay: first and second layer of the scene.
        gain_db: gain of the whole mixture, in dB.
        seed: of the noise floor.
        event: the sound of the label whose presence was drawn, None when it is absent.
        more_events: further annotated sounds.
        distractors: sounds that are not annotated.
        target: label whose presence was drawn, None when all are scored in every mixture.
        source_group: source of the event, or of the background of a mixture without events.
        masker: noise over all of it, None for none.
    """

    name: str
    duration: float
    background: Background
    overlay: Background | None
    gain_db: float
    seed: int
    event: Sound | None = None
    more_events: tuple[Sound, ...] = ()
    distractors: tuple[Sound, ...] = ()
    target: str | None = None
    source_group: str | None = None
    masker: Masker | None = None

    @property
    def events(self) -> tuple[Sound, ...]:
        """All annotated sounds."""
        return (self.event, *self.more_events) if self.event else self.more_events

    @property
    def sources(self) -> list[str]:
        """Sources of the events of a mixture that has no ``source_group``."""
        groups = {event.group for event in self.events if event.group}
        return [] if self.source_group else sorted(groups)

    @property
    def annotations(self) -> list[tuple[float, float, str]]:
        """(onset, offset, label) of each event, in seconds."""
        return [(event.start, event.end, event.label) for event in self.events]

    @property
    def annotation_string(self) -> str:
        """Lines of the official event list: file, onset, offset, label; the file alone if empty."""
        lines = [
            f"{self.name}\t{on:.6f}\t{off:.6f}\t{label}" for on, off, label in self.annotations
        ]
        return "\n".join(lines) or self.name

    def to_dict(self) -> dict:
        """The written form; see the module's docstring."""
        event = self.event.to_dict() if self.event else dict.fromkeys(SOUND_FIELDS.values())
        del event["event_group"]  # "source_group" names it
        written = {
            **write_fields(self.background, SCENE_FIELDS),
            "bg_overlay": write_fields(self.overlay, OVERLAY_FIELDS) if self.overlay else None,
            "duration": self.duration,
            "gain_db": self.gain_db,
            "seed": self.seed,
            "source_group": self.source_group,
            **event,
            "event_present": self.event is not None,
            "more_events": list(map(Sound.to_dict, self.more_events)),
            "distractors": list(map(Sound.to_dict, self.distractors)),
            "target": self.target,
            "mixture_audio_filename": self.name,
            "annotation_string": self.annotation_string,
        }
        if self.masker:
            written["masker"] = {**vars(self.masker), "sound": self.masker.sound.to_dict()}
        return written

    @classmethod
    def from_dict(cls, written: dict) -> "Recipe":
        """The recipe of a written form."""
        kept = ("duration", "gain_db", "seed", "target", "source_group")
        overlay = written["bg_overlay"]
        event = {"event_group": written["source_group"], **written}
        return cls(
            name=written["mixture_audio_filename"],
            background=Background(**read_fields(written, SCENE_FIELDS)),
            overlay=Background(**read_fields(overlay, OVERLAY_FIELDS)) if overlay else None,
            event=Sound.from_dict(event) if written["event_present"] else None,
            more_events=tuple(map(Sound.from_dict, written["more_events"])),
            distractors=tuple(map(Sound.from_dict, written["distractors"])),
            masker=Masker.from_dict(written.get("masker")),
            **{key: written[key] for key in kept},
        )


def recipes_hash(recipes: Sequence[Recipe]) -> str:
    """Name of a fixed set of mixtures: 12 hex digits of the SHA-256 of its canonical JSON."""
    written = list(map(Recipe.to_dict, recipes))
    text = json.dumps(written, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
