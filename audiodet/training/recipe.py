"""Which configuration suits the labelled recordings, and why."""

from dataclasses import dataclass, field

from audiodet.training.survey import Survey

FINE_BELOW = 0.25  # seconds: half of the events are shorter
TOUCHING_PART = 0.02  # of the events, from which on they must be kept apart
FRAMES_OF_SHORT = 10  # that a short event (5 % are shorter) should last
HOPS = (0.002, 0.02)  # shortest and longest hop of the fine recipe, in seconds
CROP_FRAMES = 512


@dataclass
class Recipe:
    """A configuration under ``configs/own``, what is changed in it, and the reasons.

    Attributes:
        name: "fine", "pretrained" or "weak".
        settings: key -> value.
        reasons: a line each.
        epochs: of the training recordings, before time and limits count.
        steps: fewest and most iterations.
    """

    name: str
    settings: dict = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    epochs: float = 30
    steps: tuple[int, int] = (600, 6000)

    @property
    def config(self) -> str:
        """Name for :func:`audiodet.model_zoo.get_config_file`."""
        return f"own/{self.name}.yaml"


def choose_recipe(survey: Survey) -> Recipe:
    """The recipe that suits what the survey found."""
    if survey.kind == "weak":
        recipe = _weak()
    elif survey.quantile(0.5) < FINE_BELOW or survey.touching > TOUCHING_PART:
        recipe = _fine(survey)
    else:
        recipe = _pretrained(survey)
    collar = collar_for(survey)
    recipe.settings["TEST.COLLAR"] = collar
    if survey.kind == "strong":
        recipe.reasons.append(f"an event counts as found when its onset is within {collar:g} s")
    return recipe


def collar_for(survey: Survey) -> float:
    """How far an onset may be off: less than events are long."""
    middle = survey.quantile(0.5)
    return 0.05 if 0 < middle < 0.15 else 0.2 if 0 < middle < 0.5 else 0.5


def _fine(survey: Survey) -> Recipe:
    rate = survey.sample_rate
    if 32000 < rate <= 96000:
        rate = 32000
    short = survey.quantile(0.05)
    hop = min(max(short / FRAMES_OF_SHORT, HOPS[0]), HOPS[1])
    samples = max(1, round(hop * rate))
    n_fft = 2 ** max(6, (3 * samples - 1).bit_length())
    crop = max(CROP_FRAMES * hop, 1.5 * survey.quantile(0.95))
    reasons = [
        f"events are short (half of them under {survey.quantile(0.5):.3g} s): a label for every "
        f"{1000 * hop:.2g} ms, so that an event of {short:.2g} s has {short / hop:.0f} frames",
        "a network from scratch: those that have heard AudioSet hear in steps of 80 ms",
    ]
    if survey.touching > TOUCHING_PART:
        reasons.append(
            f"{100 * survey.touching:.0f} % of the events follow one of their label at once: the "
            "frames between them are taught as silence"
        )
    settings = {
        "INPUT.AUDIO.SAMPLE_RATE": rate,
        "INPUT.SPECTROGRAM.HOP": samples,
        "INPUT.SPECTROGRAM.N_FFT": n_fft,
        "INPUT.CROP_AUDIO.SECONDS": round(crop, 3),
    }
    return Recipe("fine", settings, reasons)


def _pretrained(survey: Survey) -> Recipe:
    reasons = [
        f"events are long enough (half of them over {survey.quantile(0.5):.2g} s) for a network "
        "that has heard AudioSet: it stays as it is, and small heads learn on it, in steps of 80 ms"
    ]
    return Recipe("pretrained", {}, reasons, epochs=30, steps=(200, 3000))


def _weak() -> Recipe:
    reasons = [
        "labels without times: a frame-level detector learns from whole recordings where a label "
        "is heard; onsets and offsets are its guess, and no figure here checks them",
        "small heads learn on a network that has heard AudioSet, in steps of 160 ms",
    ]
    return Recipe("weak", {}, reasons, epochs=30, steps=(200, 3000))
