"""What the stand-ins share: fixed sets of mixtures of a sound bank's recordings.

Recipes are drawn when a set is first used, from the bank of
:func:`~audiodet.data.mixing.soundbank.soundbank_root`; the audio is rendered by the loader.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from detectron2.data import MetadataCatalog

from audiodet.data.datasets.common import register_clips
from audiodet.data.labels.annotations import event_annotation
from audiodet.data.mixing.recipes import Recipe, recipes_hash
from audiodet.data.mixing.soundbank import SoundBank, load_soundbank, soundbank_root
from audiodet.errors import DataError


@dataclass(frozen=True)
class StandIn:
    """A family of sets that are drawn by one rule.

    Attributes:
        names: the sets.
        labels: classes in the order of the category ids; None takes the bank's, sorted.
        draw: (name, bank) -> the recipes of a set.
        finish: (dataset dicts of the recipes, name) -> those that the loader is given.
        kinds: of the bank's sounds that may stand for a class.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...] | None
    draw: Callable[[str, SoundBank], list[Recipe]]
    finish: Callable[[list[dict], str], list[dict]] = lambda clips, name: clips
    kinds: tuple[str, ...] = ("events", "distractors")

    def register(self) -> None:
        """Register all names; the sound bank is looked for when a set is first used."""
        for name in self.names:
            register_clips(name, self.labels, partial(self.load, name))

    def load(self, name: str, root: str = "") -> list[dict]:
        """Dataset dicts of one of the names; ``root`` as in :func:`soundbank_root`.

        Sets the ``thing_classes`` of a set whose labels are the bank's. DataError where there is no
        such set, no bank, or none of its sounds for a class.
        """
        root = soundbank_root(root)
        recipes = _recipes(self, name, root)
        labels = self.labels
        if labels is None:
            labels = _bank(root).labels
            MetadataCatalog.pop(name, None)
            MetadataCatalog.get(name).set(thing_classes=labels, evaluator_type="sed")
        return self.finish(recipes_to_dicts(recipes, labels, root), name)

    def recipes(self, name: str, root: str = "") -> tuple[Recipe, ...]:
        """Recipes of one of the names, drawn once per process; see :meth:`load`."""
        return _recipes(self, name, soundbank_root(root))

    def hash(self, name: str, root: str = "") -> str:
        """Hash that names the fixed recipes of a set in reports."""
        return recipes_hash(self.recipes(name, root))


_bank = cache(load_soundbank)


@cache
def _recipes(family: StandIn, name: str, root: str) -> tuple[Recipe, ...]:
    if name not in family.names:
        raise DataError(f"{name}: no such dataset, expected one of {', '.join(family.names)}")
    bank = _bank(root)
    usable = {clip.label for clip in bank.clips if clip.kind in family.kinds}
    missing = [label for label in family.labels or () if label not in usable]
    if missing:
        kinds = " or ".join(family.kinds)
        raise DataError(f"{root}: no {kinds} of {', '.join(missing)}, which {name} needs")
    return tuple(family.draw(name, bank))


def recipes_to_dicts(recipes: Iterable[Recipe], labels: Sequence[str], root: str) -> list[dict]:
    """Dataset dicts whose audio is rendered on the fly.

    Beside the usual fields each dict has "recipe" and "soundbank", which
    :func:`audiodet.data.mixing.rendering.render` takes. "file_name" is a name only.

    Raises:
        DataError: an event's label is not among ``labels``.
    """
    dicts = []
    for number, recipe in enumerate(recipes):
        annotations = []
        for onset, offset, label in recipe.annotations:
            if label not in labels:
                raise DataError(f"{recipe.name}: label {label!r}, expected one of {labels}")
            annotations.append(event_annotation(onset, offset, labels.index(label)))
        dicts.append(
            {
                "file_name": recipe.name,
                "image_id": number,
                "height": 1,
                "width": float(recipe.duration),
                "annotations": annotations,
                "label_kind": "strong",
                "target": recipe.target,
                "source_group": recipe.source_group,
                "sources": recipe.sources,
                "recipe": recipe,
                "soundbank": root,
            }
        )
    return dicts
