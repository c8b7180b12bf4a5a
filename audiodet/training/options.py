"""How to train, beside the data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What a person may choose.

    Attributes:
        config: a YAML instead of a recipe.
        settings: KEY VALUE pairs that win over all else.
        minutes: most time that the training may take.
        false_alarms_per_hour: most of each label on the validation recordings; None: the best F1.
        device: "auto", "cpu", "cuda", ...
        resume: continue the training in the folder.
        quiet, verbose: say nothing but errors; say all that is logged.
    """

    config: str = ""
    settings: tuple[str, ...] = ()
    minutes: float = 25.0
    false_alarms_per_hour: float | None = None
    device: str = "auto"
    resume: bool = False
    quiet: bool = False
    verbose: bool = False
