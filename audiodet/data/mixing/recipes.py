"""What a mixture is made of, where each sound lies and how loud it is: plain data.

Written down (:meth:`Recipe.to_dict`), a recipe has the fields of the official synthesizer of TUT
rare sound events 2017 and audiodet's own beside them, and survives JSON and YAML. All paths are
relative to the sound bank.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

# Names of the fields -> their names in the written form.
LAYER_FIELDS = {"path": "bg_path", "start": "bg_start_seconds", "chain": "bg_chain"}
SCENE_FIELDS = {**LAYER_FIELDS, "label": "bg_classname"}
OVERLAY_FIELDS = {**LAYER_FIELDS, "level_db": "level_db"}
SOUND_FIELDS = {
    "path": "event_path",
    "label": "event_class",
    "group": "event_group",
    "start": "event_start_in_mixture_seconds",
    "length": "event_length_seconds",
    "scaling_factor": "scaling_factor",
    "segment_start": "segment_start_seconds",
    "segment_end": "segment_end_seconds",
    "ebr": "ebr",
    "augment": "augment",
}


def _write(part, fields: dict[str, str]) -> dict:
    return {written: getattr(part, name) for name, written in fields.items()}


def _read(written: dict, fields: dict[str, str]) -> dict:
    return {name: _frozen(written[key]) for name, key in fields.items()}


def _frozen(value):
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Background:
    """A layer of background.

    Attributes:
        path: its first file.
        start: where in that file it begins, in seconds.
        chain: files played after the first one; () loops it.
        label: of a first layer, the kind of background.
        level_db: of a second layer, relative to its recording, in dB.
    """

    path: str
    start: float
    chain: tuple[str, ...] = ()
    label: str = ""
    level_db: float = 0.0


@dataclass(frozen=True)
class Reverb:
    """A room's decaying noise.

    Attributes:
        seconds: reverberation time (60 dB).
        level_db: energy of the tail relative to the direct sound, in dB.
        seed: of the noise.
    """

    seconds: float
    level_db: float
    seed: int


@dataclass(frozen=True)
class Augmentation:
    """How a sound differs from its recording.

    Attributes:
        speed: factor that the sound's ``length`` already follows.
        eq_db: gains of an equaliser in dB, at frequencies spaced evenly on a logarithmic scale.
        reverb: the room, None for none.
    """

    speed: float
    eq_db: tuple[float, ...]
    reverb: Reverb | None = None

    @classmethod
    def from_dict(cls, written: dict) -> "Augmentation":
        room = written.get("reverb")
        reverb = Reverb(**room) if room else None
        return cls(written["speed"], tuple(written["eq_db"]), reverb)


@dataclass(frozen=True)
class Sound:
    """An event or a distractor in a mixture.

    Attributes:
        path: its file.
        label: its class.
        group: source of the recording.
        start: where in the mixture it begins, in seconds.
        length: how long it lasts there, in seconds.
        segment_start, segment_end: the part of the file that is played, in seconds.
        ebr: RMS of the sound over that of the background under it, in dB.
        scaling_factor: what the samples are multiplied by, None until it is rendered.
        augment: how it differs from the recording, None for not at all.
        level_seconds: when given, ``ebr`` is that of this part [start, end] of the file over the
            whole background.
    """

    path: str
    label: str
    group: str
    start: float
    length: float
    segment_start: float
    segment_end: float
    ebr: float
    scaling_factor: float | None = None
    augment: Augmentation | None = None
    level_seconds: tuple[float, float] | None = None

    @property
    def end(self) -> float:
        """Where in the mixture it ends, in seconds."""
        return self.start + self.length

    def to_dict(self) -> dict:
        written = _write(self, SOUND_FIELDS)
        if self.augment:
            written["augment"] = asdict(self.augment)
        if self.level_seconds:
            written["level_seconds"] = self.level_seconds
        return written

    @classmethod
    def from_dict(cls, written: dict) -> "Sound":
        fields = _read(written, SOUND_FIELDS)
        if fields["augment"]:
            fields["augment"] = Augmentation.from_dict(fields["augment"])
        return cls(**fields, level_seconds=_frozen(written.get("level_seconds")))


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

    @property
    def events(self) -> tuple[Sound, ...]:
        """All annotated sounds."""
        return (self.event, *self.more_events) if self.event else self.more_events

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
        return {
            **_write(self.background, SCENE_FIELDS),
            "bg_overlay": _write(self.overlay, OVERLAY_FIELDS) if self.overlay else None,
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

    @classmethod
    def from_dict(cls, written: dict) -> "Recipe":
        """The recipe of a written form."""
        kept = ("duration", "gain_db", "seed", "target", "source_group")
        overlay = written["bg_overlay"]
        event = {"event_group": written["source_group"], **written}
        return cls(
            name=written["mixture_audio_filename"],
            background=Background(**_read(written, SCENE_FIELDS)),
            overlay=Background(**_read(overlay, OVERLAY_FIELDS)) if overlay else None,
            event=Sound.from_dict(event) if written["event_present"] else None,
            more_events=tuple(map(Sound.from_dict, written["more_events"])),
            distractors=tuple(map(Sound.from_dict, written["distractors"])),
            **{key: written[key] for key in kept},
        )


def recipes_hash(recipes: Sequence[Recipe]) -> str:
    """Name of a fixed set of mixtures: 12 hex digits of the SHA-256 of its canonical JSON."""
    written = list(map(Recipe.to_dict, recipes))
    text = json.dumps(written, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
