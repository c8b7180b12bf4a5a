"""Mixtures on disk in the layout of TUT-rare-sound-events-2017.

``<folder>/data/mixture_data/<set>/<hash>/`` holds ``parameters.yaml``, ``audio/*.wav`` and in
``meta`` one ``event_list_<set>_<label>.csv`` and ``mixture_recipes_<set>_<label>.yaml`` a label.
Beside them ``labels.tsv`` has the events of all, for DATASETS.CUSTOM: see
:mod:`audiodet.data.labels.table`.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile as sf
import yaml
from scipy.io import wavfile
from tqdm import tqdm

from audiodet.data.labels.table import STRONG
from audiodet.data.mixing.recipes import recipes_hash
from audiodet.data.mixing.rendering import mix, render_parts
from audiodet.errors import DataError
from audiodet.files import atomic_path, write_text

SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}


def write_mixtures(
    recipes: Sequence[dict],
    folder: str,
    root: str,
    bits: int | str = 24,
    set_name: str = "devtrain",
    parameters: dict | None = None,
    sample_rate: int = 44100,
) -> str:
    """Render mixtures to disk, with their event lists and recipes; a progress bar on stderr.

    Every file is written under a temporary name first; lists and recipes follow the audio. The
    written recipes have their ``scaling_factor`` filled in.

    Args:
        recipes: see :mod:`audiodet.data.mixing.recipes`.
        folder: the dataset's folder, made when missing.
        root: the sound bank's folder.
        bits: 16, 24 or "float" (32-bit).
        set_name: "devtrain", "devtest" or another name.
        parameters: what the recipes were drawn with, for parameters.yaml.
        sample_rate: in Hz.

    Returns:
        The folder of this set, named by the hash of the recipes.

    Raises:
        DataError: an unknown number of bits, or the folder cannot be written.
    """
    if str(bits) not in SUBTYPES:
        raise DataError(f"bits {bits!r}, expected one of {', '.join(SUBTYPES)}")
    name_hash = recipes_hash(recipes)
    target = Path(folder) / "data" / "mixture_data" / set_name / name_hash
    try:
        for part in ("audio", "meta"):
            (target / part).mkdir(parents=True, exist_ok=True)
        done = defaultdict(list)  # label -> recipes with scaling factors
        for recipe in tqdm(recipes, desc=f"mixtures {set_name}", unit="clip"):
            path = target / "audio" / recipe["mixture_audio_filename"]
            done[recipe["target"] or "all"].append(
                _write_audio(recipe, path, root, str(bits), sample_rate)
            )
        for label, group in done.items():
            _write_lists(group, target / "meta", f"{set_name}_{label}")
        write_text(target / "labels.tsv", "\t".join(STRONG) + "\n" + _events(recipes))
        _write_yaml(target / "parameters.yaml", {"hash": name_hash, **(parameters or {})})
    except (OSError, sf.LibsndfileError) as error:
        where = getattr(error, "filename", None) or target
        raise DataError(f"{where}: cannot write ({error})") from None
    return str(target)


def _write_audio(recipe: dict, path: Path, root: str, bits: str, sample_rate: int) -> dict:
    """Write one mixture and return its recipe with the scaling factors that were used."""
    parts = render_parts(recipe, root, sample_rate)
    samples = mix(parts, recipe)
    with atomic_path(path) as temporary:
        if bits == "float":  # libsndfile would write the time of day into the file
            wavfile.write(temporary, sample_rate, samples.astype(np.float32))
        else:
            sf.write(temporary, samples, sample_rate, SUBTYPES[bits], format="WAV")
    factors = [sound.scaling_factor for sound in parts.events]
    return {
        **recipe,
        "scaling_factor": factors.pop(0) if recipe["event_present"] else None,
        "more_events": [{**e, "scaling_factor": f} for e, f in zip(recipe["more_events"], factors)],
        "distractors": [
            {**d, "scaling_factor": sound.scaling_factor}
            for d, sound in zip(recipe["distractors"], parts.distractors)
        ],
    }


def _write_lists(recipes: list[dict], meta: Path, name: str) -> None:
    write_text(meta / f"event_list_{name}.csv", _events(recipes))
    _write_yaml(meta / f"mixture_recipes_{name}.yaml", recipes)


def _events(recipes: Sequence[dict]) -> str:
    """A line for each event; the file name alone for a mixture without one."""
    return "".join(recipe["annotation_string"] + "\n" for recipe in recipes)


def _write_yaml(path: Path, content: object) -> None:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(content, Dumper=dumper, sort_keys=False, allow_unicode=True)
    write_text(path, text)
