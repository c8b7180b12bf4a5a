"""Mixtures on disk in the layout of TUT-rare-sound-events-2017.

``<folder>/data/mixture_data/<set>/<hash>/`` holds ``parameters.yaml``, ``audio/*.wav`` and in
``meta`` one ``event_list_<set>_<label>.csv`` and ``mixture_recipes_<set>_<label>.yaml`` a label.
Beside them ``labels.tsv`` has the events of all, for DATASETS.CUSTOM: see
:mod:`audiodet.data.labels.table`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile as sf
import yaml
from scipy.io import wavfile
from tqdm import tqdm

from audiodet.data.labels.rows import STRONG
from audiodet.data.mixing.recipes import Recipe, Sound, recipes_hash
from audiodet.data.mixing.rendering import PlacedSound, mix, render_parts
from audiodet.errors import DataError
from audiodet.files import atomic_path, write_text

SAMPLE_RATE = 44100  # Hz, that of the layout
SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}


def write_mixtures(
    recipes: Sequence[Recipe],
    folder: str,
    root: str,
    bits: int | str = 24,
    set_name: str = "devtrain",
    parameters: dict | None = None,
) -> str:
    """Render mixtures to disk, with their event lists and recipes; a progress bar on stderr.

    Lists and recipes follow the audio; the recipes have their ``scaling_factor`` filled in.

    Args:
        folder, root: of the dataset, made when missing, and of the sound bank.
        bits: 16, 24 or "float" (32-bit).
        set_name: "devtrain", "devtest" or another name.
        parameters: what the recipes were drawn with, for parameters.yaml.

    Returns:
        The folder of this set, named by the hash of the recipes.
    """
    if str(bits) not in SUBTYPES:
        raise DataError(f"bits {bits!r}, expected one of {', '.join(SUBTYPES)}")
    name_hash = recipes_hash(recipes)
    target = Path(folder) / "data" / "mixture_data" / set_name / name_hash
    rendered = []
    try:
        (target / "audio").mkdir(parents=True, exist_ok=True)
        for recipe in tqdm(recipes, desc=f"mixtures {set_name}", unit="clip"):
            path = target / "audio" / recipe.name
            rendered.append(_write_audio(recipe, path, root, str(bits)))
        _write_lists(rendered, target, set_name)
        _write_yaml(target / "parameters.yaml", {"hash": name_hash, **(parameters or {})})
    except (OSError, sf.LibsndfileError) as error:
        where = getattr(error, "filename", None) or target
        raise DataError(f"{where}: cannot write ({error})") from None
    return str(target)


def _write_audio(recipe: Recipe, path: Path, root: str, bits: str) -> Recipe:
    """Write one mixture and return its recipe with the scaling factors that were used."""
    parts = render_parts(recipe, root, SAMPLE_RATE)
    samples = mix(parts, recipe)
    with atomic_path(path) as temporary:
        if bits == "float":  # libsndfile would write the time of day into the file
            wavfile.write(temporary, SAMPLE_RATE, samples.astype(np.float32))
        else:
            sf.write(temporary, samples, SAMPLE_RATE, SUBTYPES[bits], format="WAV")
    events = _scaled(recipe.events, parts.events)
    event = events.pop(0) if recipe.event else None
    distractors = tuple(_scaled(recipe.distractors, parts.distractors))
    return replace(recipe, event=event, more_events=tuple(events), distractors=distractors)


def _scaled(sounds: Sequence[Sound], placed: Sequence[PlacedSound]) -> list[Sound]:
    """The sounds with the scaling factors that they were rendered with."""
    return [
        replace(sound, scaling_factor=part.scaling_factor) for sound, part in zip(sounds, placed)
    ]


def _write_lists(recipes: list[Recipe], target: Path, set_name: str) -> None:
    """Event lists and recipes of each target label, and the label table of all."""
    by_label = defaultdict(list)
    for recipe in recipes:
        by_label[recipe.target or "all"].append(recipe)
    for label, group in by_label.items():
        name = f"{set_name}_{label}"
        write_text(target / "meta" / f"event_list_{name}.csv", _events(group))
        written = [recipe.to_dict() for recipe in group]
        _write_yaml(target / "meta" / f"mixture_recipes_{name}.yaml", written)
    write_text(target / "labels.tsv", "\t".join(STRONG) + "\n" + _events(recipes))


def _events(recipes: Sequence[Recipe]) -> str:
    """A line for each event; the file name alone for a mixture without one."""
    return "".join(recipe.annotation_string + "\n" for recipe in recipes)


def _write_yaml(path: Path, content: object) -> None:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(content, Dumper=dumper, sort_keys=False, allow_unicode=True)
    write_text(path, text)
