"""What the counts of clips say: rates of labels, their means, micro rates, 95 % intervals.

Rates are per true event or segment; F1, precision and recall are in percent.

Policy where a ratio has no denominator: a label of which nothing was predicted has precision 0,
F1 0 and ER 1; a label without a single true event has no ER and no F1, is left out of the mean,
and stands in ``SEDScores.without_reference``. ``SEDScores.zero_f1`` scores its F1 0 instead.

Shape shorthand: N clips, K labels, G scenes; the last axis of counts is (hits, insertions,
deletions), that of overall counts OVERALL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.resampling import intervals

# True segments or events, reported ones, hits, substitutions, deletions, insertions.
OVERALL = ("Nref", "Nsys", "Ntp", "S", "D", "I")
SHOWN = ("ER", "F1", "deletions", "insertions")
METRICS = ("ER", "F1")  # those with intervals


def rates(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Counts (..., 3) -> figures (...), NaN where there is no true event.

    ER = deletions + insertions.
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
    """Counts (..., 6) -> "F1", "ER" and its three parts (...)."""
    reference, system, hits, *errors = np.moveaxis(np.asarray(overall, dtype=float), -1, 0)
    reference = np.where(reference > 0, reference, np.nan)
    table = {"F1": 200 * hits / (reference + system), "ER": sum(errors) / reference}
    for name, number in zip(("substitutions", "deletions", "insertions"), errors):
        table[name] = number / reference
    return table


def mean_over_labels(values: np.ndarray) -> np.ndarray:
    """(..., K) -> (...), leaving NaN out; NaN when no label is left."""
    number = (~np.isnan(values)).sum(axis=-1)
    return np.nansum(values, axis=-1) / np.where(number > 0, number, np.nan)


@dataclass(frozen=True)
class SEDScores:
    """Counts of every clip, and the figures that follow from them.

    Attributes:
        labels: the K labels.
        clips: the N clips.
        counts: (N, K, 3), of each label; zeros where a clip is not scored for a label.
        overall: (N, 6), of all labels together; None where nobody counted them.
        zero_f1: a label without a true event has F1 0 and counts in the mean.
    """

    labels: tuple[str, ...]
    clips: list[ClipResult]
    counts: np.ndarray
    overall: np.ndarray | None = None
    zero_f1: bool = False

    def rates(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """:func:`rates` by the policy of ``zero_f1``."""
        table = rates(counts)
        return {**table, "F1": np.nan_to_num(table["F1"])} if self.zero_f1 else table

    def figures(self, sums: np.ndarray, metrics: Sequence[str] = METRICS) -> dict[str, np.ndarray]:
        """Sums of counts (..., K, 3) -> "ER", "F1" (means over labels), "ER-<label>" ...: (...)."""
        table = self.rates(sums)
        flat = {metric: mean_over_labels(table[metric]) for metric in metrics}
        for k, label in enumerate(self.labels):
            for metric in metrics:
                flat[f"{metric}-{label}"] = table[metric][..., k]
        return flat

    @property
    def totals(self) -> dict[str, np.ndarray]:
        """(hits, insertions, deletions) of each label over all clips."""
        return dict(zip(self.labels, self.counts.sum(axis=0)))

    @property
    def per_label(self) -> dict[str, dict[str, float]]:
        """:func:`rates` of each label."""
        table = self.rates(self.counts.sum(axis=0))
        rows = np.stack(list(table.values()), axis=-1).tolist()
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


def results(
    scores: SEDScores, n_bootstrap: int = 0, seed: int = 0, metrics: Sequence[str] = SHOWN
) -> dict[str, float]:
    """{metric: value} of one task: the `metrics` that are asked for.

    "ER", "F1", "deletions", "insertions" are means over labels, "ER-<label>" and so on those of
    one label. "ER-low", "ER-high", "F1-source-low", "F1-<label>-low" ... are :func:`intervals`.
    """
    flat = scores.figures(scores.counts.sum(axis=0), metrics)
    drawn = partial(scores.figures, metrics=sorted(set(METRICS) & set(metrics)))
    flat.update(intervals(scores.clips, scores.counts, drawn, n_bootstrap, seed))
    return {name: float(value) for name, value in flat.items()}


def micro_results(scores: SEDScores, n_bootstrap: int = 0, seed: int = 0) -> dict[str, float]:
    """{metric: value} of all labels together (micro average).

    Segments are summed over the clips; where clips have scenes, over each scene's clips, and the
    figures are the means over scenes (Çakır et al. 2017, section III-B; Mesaros et al. 2016).
    "F1-<scene>" stands there too, "F1-<label>" always, and :func:`intervals` of "F1" and "ER".
    """
    by_scene = micro_rates(scores.by_scene.sum(axis=0))
    by_label = scores.rates(scores.counts.sum(axis=0))
    flat = {name: values.mean() for name, values in by_scene.items()}
    for names, table in ((scores.scenes, by_scene), (scores.labels, by_label)):
        for metric in ("F1", "ER"):
            for name, value in zip(names, table[metric]):
                if name is not None:
                    flat[f"{metric}-{name}"] = value
    flat.update(intervals(scores.clips, scores.by_scene, micro_figures, n_bootstrap, seed))
    return {name: float(value) for name, value in flat.items()}


def micro_figures(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Sums of counts (..., G, 6) -> micro "F1" and "ER", the means over scenes: (...)."""
    table = micro_rates(sums)
    return {"F1": table["F1"].mean(axis=-1), "ER": table["ER"].mean(axis=-1)}
