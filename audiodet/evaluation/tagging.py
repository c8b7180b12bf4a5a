"""Clip-level scores: which labels occur in a clip, without when."""

import json
import os
from collections import OrderedDict

import numpy as np
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation import DatasetEvaluator
from detectron2.utils import comm
from sed_eval.metric import equal_error_rate
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from audiodet.evaluation.binary import ranked
from audiodet.evaluation.bootstrap import interval
from audiodet.evaluation.counts import mean_over_labels, rates
from audiodet.evaluation.registry import EVALUATOR_REGISTRY
from audiodet.evaluation.report import write_figures
from audiodet.files import write_text


@EVALUATOR_REGISTRY.register(name="tags")
class TaggingEvaluator(DatasetEvaluator):
    """F1, AUC and AP (scikit-learn) and equal error rate (sed_eval) of each label, and their means.

    All in percent. The truth is the registered dataset's "clip_labels", or the labels of its events. A clip's
    score is the model's "clip_scores"; for a model without them, of its best event.
    """

    def __init__(self, dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
        """
        Args:
            dataset_name: a registered dataset.
            output_dir: gets tags.json with every clip's scores and tagging.json with the
                figures; None writes nothing.
        """
        self._name, self._output_dir = dataset_name, output_dir
        self._threshold, self._n_bootstrap = cfg.TEST.TAG_THRESHOLD, cfg.TEST.BOOTSTRAP
        self.labels = list(MetadataCatalog.get(dataset_name).thing_classes)
        self.reset()

    def reset(self):
        """See :meth:`DatasetEvaluator.reset`."""
        self._scores = {}

    def process(self, inputs, outputs):
        """Take the clip scores of a batch; "image_id" of the inputs finds the truth."""
        for clip, output in zip(inputs, outputs):
            self._scores[clip["image_id"]] = clip_scores(output, len(self.labels))

    def evaluate(self) -> OrderedDict | None:
        """{"tagging": {"F1": percent, "F1-<label>": percent, "AUC", "mAP", "EER" ...}} on the main
        process, see :func:`tagging_figures`.
        """
        parts = comm.gather(self._scores)
        if not comm.is_main_process():
            return None
        scores = {image_id: row for part in parts for image_id, row in part.items()}
        records = [r for r in DatasetCatalog.get(self._name) if r["image_id"] in scores]
        truth = np.array([clip_truth(record, len(self.labels)) for record in records])
        found = np.array([scores[record["image_id"]] for record in records])
        flat = tagging_figures(truth, found, self.labels, self._threshold)
        if self._n_bootstrap:
            flat.update(_intervals(truth, found, self._threshold, self._n_bootstrap))
        if self._output_dir:
            rows = {
                record["file_name"]: dict(zip(self.labels, row))
                for record, row in zip(records, found.tolist())
            }
            path = os.path.join(self._output_dir, "tags.json")
            write_text(path, json.dumps(rows, indent=1) + "\n")
        write_figures({"tagging": flat}, self._output_dir, "tagging.json")
        return OrderedDict(tagging=flat)


def clip_scores(output: dict, num_classes: int) -> list[float]:
    """A model's output for one clip -> the score of each label in it."""
    if "clip_scores" in output:
        return output["clip_scores"].tolist()
    scores, instances = [0.0] * num_classes, output["instances"]
    for k, score in zip(instances.pred_classes.tolist(), instances.scores.tolist()):
        scores[k] = max(scores[k], score)
    return scores


def clip_truth(record: dict, num_classes: int) -> list[bool]:
    """A dataset dict -> whether each label occurs in the clip."""
    events = [a["category_id"] for a in record.get("annotations", ())]
    present = set(record.get("clip_labels", events))
    return [k in present for k in range(num_classes)]


def tagging_figures(truth: np.ndarray, scores: np.ndarray, labels, threshold: float) -> dict:
    """{metric: percent} of F1, AUC, mAP and EER, and with "-<label>" (AP for mAP) of each label.

    A label that no clip has is left out of the means (NaN); so is one that all clips have, but for
    its F1.

    Args:
        truth, scores: (clips, labels).
        threshold: lowest score of a clip that counts as tagged.
    """
    flat = {}
    for name, each in _each(truth, scores, threshold).items():
        flat["mAP" if name == "AP" else name] = float(mean_over_labels(each))
        flat.update({f"{name}-{label}": float(x) for label, x in zip(labels, each)})
    return flat


def _each(truth, scores, threshold) -> dict[str, np.ndarray]:
    """Figures of each label, (labels,)."""
    metrics = {
        "F1": lambda y, x: f1_score(y, x >= threshold, zero_division=0),
        "AUC": roc_auc_score,
        "AP": average_precision_score,
        "EER": lambda y, x: equal_error_rate(y.astype(int), x),
    }
    return {
        name: np.array(
            [
                100 * metrics[name](y, x) if y.any() and (name == "F1" or not y.all()) else np.nan
                for y, x in zip(truth.T, scores.T)
            ]
        )
        for name in metrics
    }


def _intervals(truth, scores, threshold, n: int, seed: int = 0) -> dict[str, float]:
    """95 % intervals by clip of the mean F1, AUC and AP."""
    rng, clips = np.random.default_rng(seed), len(truth)
    weights = rng.multinomial(clips, np.full(clips, 1 / clips), size=n)
    drawn = {"F1": [], "AUC": [], "AP": []}
    for y, x in zip(truth.T, scores.T):
        levels = (np.unique(x)[:, None] == x).T  # (clips, levels)
        kinds = (levels & (y == positive)[:, None] for positive in (False, True))
        for name, values in ranked(np.stack([weights @ kind for kind in kinds], 1)).items():
            drawn[name].append(values)
        found = x >= threshold
        counts = np.stack([found & y, found & ~y, ~found & y], 1)
        drawn["F1"].append(rates(weights @ counts)["F1"])
    bounds = {name: interval(mean_over_labels(np.stack(each, 1))) for name, each in drawn.items()}
    return {
        f"{'mAP' if name == 'AP' else name}-{end}": x
        for name, both in bounds.items()
        for end, x in zip(("low", "high"), both)
    }
