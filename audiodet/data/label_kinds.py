"""Strong, weak, unlabelled: what is known about a clip, and which clips a system learns from."""

from dataclasses import dataclass

from audiodet.errors import ConfigError

LABEL_KINDS = ("strong", "weak", "unlabelled")


def kind_of(clip: dict) -> str:
    """The kind of a dataset dict's labels: "strong" (with times) where it does not say."""
    return clip.get("label_kind", "strong")


@dataclass(frozen=True)
class LabelKinds:
    """Which clips a system learns from.

    Attributes:
        learned: kinds among :data:`LABEL_KINDS` whose clips it is trained on.
        ignored: kinds that may be in the training data too, and are left out. Any other is an
            error.
        apart: weak and strong labels have losses of their own, so that each label must occur in
            both kinds, and a clip with weak labels comes whole.

    Raises:
        ConfigError: no such kind, or none to learn from.
    """

    learned: tuple[str, ...] = ("strong",)
    ignored: tuple[str, ...] = ()
    apart: bool = False

    def __post_init__(self):
        unknown = set(self.accepted) - set(LABEL_KINDS)
        if unknown or not self.learned:
            raise ConfigError(
                f"a system that learns from {self.learned} and ignores {self.ignored}, expected "
                f"kinds of labels among {', '.join(LABEL_KINDS)}"
            )

    @property
    def accepted(self) -> tuple[str, ...]:
        """Kinds that training data may have."""
        return (*self.learned, *self.ignored)


def of_kinds(clips) -> dict[str, list]:
    """{"weak": dataset dicts, "strong": dataset dicts}."""
    parts = {"weak": [], "strong": []}
    for clip in clips:
        if kind_of(clip) in parts:
            parts[kind_of(clip)].append(clip)
    return parts
