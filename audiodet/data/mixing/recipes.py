"""Mixture recipes by the rules of DCASE 2017 Task 2: what is mixed, where and how loud.

A recipe is a dict that survives JSON and YAML. It has the fields of the official synthesizer
(TUT rare sound events 2017): bg_path, bg_classname, event_present, event_path, event_class,
event_start_in_mixture_seconds, event_length_seconds, scaling_factor, segment_start_seconds,
segment_end_seconds (both in seconds inside the event's file), ebr (in dB), mixture_audio_filename
and annotation_string. ``scaling_factor`` follows from the audio and is None until
:func:`audiodet.data.mixing.mixture_files.write_mixtures` has rendered the mixture.

Fields of audiodet's own:
    duration: length of the mixture in seconds.
    target: label whose presence was drawn.
    source_group: source of the event, or of the background of an empty mixture.
    seed: of the noise floor.
    bg_start_seconds: where in its file the background begins.
    bg_chain: files played after the first one; [] loops it.
    bg_overlay: None, or a second background with bg_path, bg_start_seconds, bg_chain, level_db.
    more_events: further target events, dicts with the event_*, segment_* and ebr fields.
    distractors: sounds that are not annotated, in the same form as more_events.
    augment: None, or {"speed": factor that event_length_seconds already follows,
        "eq_db": [gains of an equaliser at frequencies spaced logarithmically], "reverb": None or
        {"seconds", "level_db", "seed"}} of the event.
    level_seconds: where there is one, the part [start, end] of the event's file whose RMS over
        that of the whole background is ``ebr``, instead of both under the event.
    gain_db: gain of the whole mixture.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import BoxMode

from audiodet.data.mixing.draws import RecipeDraws
from audiodet.data.mixing.rendering import recipe_events, render  # noqa: F401  render: the other half
from audiodet.data.mixing.soundbank import Clip
from audiodet.errors import DataError


def make_recipes(
    clips: Iterable[Clip],
    target: str,
    n: int,
    seed: int,
    *,
    presence: float = 0.5,
    ebrs: Sequence[float] = (-6.0, 0.0, 6.0),
    ebr_jitter: float = 0.0,
    duration: float = 30.0,
    distractors: int | tuple[int, int] = 0,
    augment: bool = False,
    balanced: bool = False,
    max_events: int = 1,
    name: str = "mixture",
) -> list[dict]:
    """Draw recipes for one target label.

    Args:
        clips: events, backgrounds and distractors to draw from.
        target: label of the event that is present or absent.
        n: number of recipes; exactly ``round(n * presence)`` hold the target.
        seed: the same seed gives the same recipes. Events, backgrounds and distractors are drawn
            independently: recipes that differ in ``distractors`` only are alike in all else.
        presence: share of mixtures with the target event.
        ebrs: event-to-background ratios to draw from, in dB.
        ebr_jitter: largest change of a drawn ratio, in dB.
        duration: of a mixture, in seconds.
        distractors: sounds of kind "distractors" in each mixture, a number or (least, most).
        augment: chain and overlay backgrounds; change the speed and spectrum of events and
            distractors, and the level of the mixture.
        balanced: use the ratios, events, backgrounds and distractors equally often.
        max_events: most target events in a positive mixture: one of ``target``, the others of
            any label, none over another of its label.
        name: start of the file names, ``<name>_<target>_<number>.wav``.

    Raises:
        DataError: no event of the label, no background, or no distractor where one is wanted;
            an event is longer than the mixture; presence is no share.
    """
    if not 0 <= presence <= 1:
        raise DataError(f"presence {presence}, expected 0 to 1")
    settings = {"ebrs": ebrs, "jitter": ebr_jitter, "duration": duration, "augment": augment}
    draw = RecipeDraws(list(clips), f"{seed}/{target}", balanced, settings)
    present = [True] * round(n * presence) + [False] * (n - round(n * presence))
    draw.stream("presence").shuffle(present)
    recipes = []
    for i, positive in enumerate(present):
        recipe = draw.background()
        recipe.update(draw.sound("events", target) if positive else no_event())
        recipe["event_present"] = positive
        recipe["more_events"] = draw.more_events(recipe, max_events - 1) if positive else []
        recipe["distractors"] = draw.distractors(distractors)
        recipe["source_group"] = recipe.pop("event_group") or recipe["source_group"]
        recipe.update(target=target, mixture_audio_filename=f"{name}_{target}_{i:04d}.wav")
        recipe["annotation_string"] = annotation_string(recipe)
        recipes.append(recipe)
    return recipes


def no_event() -> dict:
    """The event's fields of a mixture without one."""
    fields = ("path", "class", "group", "start_in_mixture_seconds", "length_seconds")
    others = ("scaling_factor", "segment_start_seconds", "segment_end_seconds", "ebr", "augment")
    return dict.fromkeys([f"event_{field}" for field in fields] + list(others))


def annotation_string(recipe: dict) -> str:
    """The official event list's line: file, onset, offset, label; the file alone when empty."""
    name = recipe["mixture_audio_filename"]
    lines = [
        f"{name}\t{onset:.6f}\t{offset:.6f}\t{label}"
        for onset, offset, label in recipe_annotations(recipe)
    ]
    return "\n".join(lines) or name


def recipe_annotations(recipe: dict) -> list[tuple[float, float, str]]:
    """(onset, offset, label) of each target event, in seconds."""
    return [
        (
            event["event_start_in_mixture_seconds"],
            event["event_start_in_mixture_seconds"] + event["event_length_seconds"],
            event["event_class"],
        )
        for event in recipe_events(recipe)
    ]


def recipes_to_dicts(recipes: Iterable[dict], labels: Sequence[str], root: str) -> list[dict]:
    """Dataset dicts whose audio is rendered on the fly.

    Beside the usual fields each dict has "recipe" and "soundbank": its audio is
    ``render(d["recipe"], d["soundbank"], sample_rate)``. "file_name" is a name only.

    Raises:
        DataError: an event's label is not among ``labels``.
    """
    dicts = []
    for i, recipe in enumerate(recipes):
        annotations = []
        for onset, offset, label in recipe_annotations(recipe):
            if label not in labels:
                raise DataError(
                    f"{recipe['mixture_audio_filename']}: label {label!r}, expected one of {labels}"
                )
            box = {"bbox": [onset, 0.0, offset, 1.0], "bbox_mode": BoxMode.XYXY_ABS}
            annotations.append({**box, "category_id": labels.index(label), "iscrowd": 0})
        dicts.append(
            {
                "file_name": recipe["mixture_audio_filename"],
                "image_id": i,
                "height": 1,
                "width": float(recipe["duration"]),
                "annotations": annotations,
                "label_kind": "strong",
                "target": recipe["target"],
                "source_group": recipe["source_group"],
                "recipe": recipe,
                "soundbank": root,
            }
        )
    return dicts


def register_mixtures(names: Iterable[str], labels: Sequence[str], load: Callable) -> None:
    """Register datasets that ``load(name)`` draws when they are first used."""
    for name in names:
        DatasetCatalog.register(name, partial(load, name))
        MetadataCatalog.get(name).set(thing_classes=list(labels), evaluator_type="sed")


def recipes_hash(recipes: Sequence[dict]) -> str:
    """Name of a fixed set of mixtures: 12 hex digits of the SHA-256 of its canonical JSON."""
    text = json.dumps(list(recipes), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
