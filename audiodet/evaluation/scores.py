"""What the counts of clips say: rates of each label, their means, and rates of all labels together.

Policy where a ratio has no denominator: a label of which nothing was predicted has precision 0,
F1 0 and ER 1; a label without a single true event has no ER and no F1, is left out of the mean,
and stands in ``SEDScores.without_reference``. ``SEDScores.zero_f1`` scores its F1 0 instead.

Shape shorthand: N clips, K labels, G scenes; the last axis of counts is (hits, insertions,
deletions), that of overall counts OVERALL.
"""

from dataclasses import dataclass

import numpy as np

from audiodet.evaluation.clips import ClipResult

# True segments or events, reported ones, hits, substitutions, deletions, insertions.
OVERALL = ("Nref", "Nsys", "Ntp", "S", "D", "I")


def rates(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Figures of counts (..., 3): arrays (...), NaN where there is no true event.

    ER = deletions + insertions, all three per true event; F1, precision and recall in percent.
    """
    hits, inserted, missed = np.moveaxis(np.asarray(counts, dtype=float), -1, 0)
    true = np.where(hits + missed > 0, hits + missed, np.nan)
    return {
        "ER": (missed + inserted) / true,
        "F1": 100 * 2 * hits / (true + hits + inserted),
        "precision": 100 * hits / np.maximum(hits + inserted, 1) + 0 * true,
        "recall": 100 * hits / true,
        "deletions": missed / true,
        "insertions": inserted / true,
    }


def micro_rates(overall: np.ndarray) -> dict[str, np.ndarray]:
    """Counts (..., 6) -> "F1" in percent, "ER" and its parts per true segment or event: (...)."""
    reference, system, hits, *errors = np.moveaxis(np.asarray(overall, dtype=float), -1, 0)
    reference = np.where(reference > 0, reference, np.nan)
    substitutions, deletions, insertions = errors
    return {
        "F1": 200 * hits / (reference + system),
        "ER": sum(errors) / reference,
        "substitutions": substitutions / reference,
        "deletions": deletions / reference,
        "insertions": insertions / reference,
    }


def mean_over_labels(values: np.ndarray) -> np.ndarray:
    """(..., K) -> (...), leaving NaN out; NaN when no label is left."""
    known = ~np.isnan(values)
    number = known.sum(axis=-1)
    total = np.where(known, values, 0).sum(axis=-1)
    return np.where(number > 0, total, np.nan) / np.maximum(number, 1)


@dataclass(frozen=True)
class SEDScores:
    """Counts of every clip, and the figures that follow from them.

    Attributes:
        labels: the K labels.
        clips: the N clips.
        counts: (N, K, 3), of each label; zeros where a clip is not scored for a label.
        overall: (N, 6), of all labels together.
        zero_f1: a label without a true event has F1 0 and counts in the mean.
    """

    labels: tuple[str, ...]
    clips: list[ClipResult]
    counts: np.ndarray
    overall: np.ndarray
    zero_f1: bool = False

    def rates(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """:func:`rates` by the policy of ``zero_f1``."""
        table = rates(counts)
        return {**table, "F1": np.nan_to_num(table["F1"])} if self.zero_f1 else table

    @property
    def totals(self) -> dict[str, np.ndarray]:
        """(hits, insertions, deletions) of each label over all clips."""
        return dict(zip(self.labels, self.counts.sum(axis=0)))

    @property
    def per_label(self) -> dict[str, dict[str, float]]:
        """:func:`rates` of each label."""
        table = self.rates(self.counts.sum(axis=0))
        rows = zip(*(values.tolist() for values in table.values()))
        return {label: dict(zip(table, row)) for label, row in zip(self.labels, rows)}

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each rate over the labels that have it."""
        table = self.rates(self.counts.sum(axis=0))
        return {name: float(mean_over_labels(values)) for name, values in table.items()}

    @property
    def without_reference(self) -> list[str]:
        """Labels without a true event."""
        return [label for label, (hits, _, missed) in self.totals.items() if hits + missed == 0]

    @property
    def scenes(self) -> tuple:
        """The G scenes of the clips; (None,) where clips have none."""
        return tuple(sorted({clip.scene for clip in self.clips}, key=str))

    @property
    def by_scene(self) -> np.ndarray:
        """(N, G, 6) overall counts, zeros but for the clip's own scene."""
        scenes = self.scenes
        counts = np.zeros((len(self.clips), len(scenes), len(OVERALL)))
        for i, clip in enumerate(self.clips):
            counts[i, scenes.index(clip.scene)] = self.overall[i]
        return counts
