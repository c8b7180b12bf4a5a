"""What lies in a mixture: layers of background, sounds, and how they differ from their recordings.

All paths are relative to the sound bank.
"""

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


def write_fields(part, fields: dict[str, str]) -> dict:
    """A part's fields by their names in the written form."""
    return {written: getattr(part, name) for name, written in fields.items()}


def read_fields(written: dict, fields: dict[str, str]) -> dict:
    """The written form of a part -> its fields, lists as tuples."""
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
        """From its written form."""
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
        """Its written form."""
        written = write_fields(self, SOUND_FIELDS)
        if self.augment:
            written["augment"] = asdict(self.augment)
        if self.level_seconds:
            written["level_seconds"] = self.level_seconds
        return written

    @classmethod
    def from_dict(cls, written: dict) -> "Sound":
        """From its written form."""
        fields = read_fields(written, SOUND_FIELDS)
        if fields["augment"]:
            fields["augment"] = Augmentation.from_dict(fields["augment"])
        return cls(**fields, level_seconds=_frozen(written.get("level_seconds")))


@dataclass(frozen=True)
class Masker:
    """Steady noise over a whole mixture, as loud as a sound is in that sound's own band.

    Attributes:
        sound: the mixture's event; where there is none, one that is only measured, not played.
        path: file of a background, which is looped; "" for white noise.
        start: where in that file it begins, in seconds.
        ratio_db: RMS of the noise over that of the sound, both in the sound's band, in dB.
    """

    sound: Sound
    path: str = ""
    start: float = 0.0
    ratio_db: float = 0.0

    @classmethod
    def from_dict(cls, written: dict | None) -> "Masker | None":
        """From its written form; None where there is none."""
        if not written:
            return None
        return cls(**{**written, "sound": Sound.from_dict(written["sound"])})
