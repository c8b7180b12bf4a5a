"""The registry of evaluators, from which TEST.EVALUATORS chooses, and what ours share."""

from functools import partial

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation import DatasetEvaluator, DatasetEvaluators
from detectron2.utils import comm
from fvcore.common.registry import Registry

from audiodet.errors import ConfigError
from audiodet.evaluation.clips import reference_clips


class _EvaluatorRegistry(Registry):
    """Registry of evaluators: classes, or functions that return one, called with
    ``(dataset_name, cfg, output_dir=None, thresholds=None)``, see :class:`Evaluator`.

    Each is a :class:`detectron2.evaluation.DatasetEvaluator`, whose ``evaluate`` returns
    ``{task: {metric: value}}`` on the main process. TEST.EVALUATORS names them: by the name given
    to ``register``, or else by the name of the class.
    """

    def register(self, obj=None, name: str | None = None):
        if obj is None:
            return partial(self.register, name=name)
        self._do_register(name or obj.__name__, obj)
        return obj


EVALUATOR_REGISTRY = _EvaluatorRegistry("EVALUATOR")


class Evaluator(DatasetEvaluator):
    """What audiodet's evaluators share: the constructor, and the collection of what they keep."""

    strong = True  # whether the truth has to be events with times

    def __init__(self, dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
        """
        Args:
            dataset_name: a registered dataset; its ``MetadataCatalog`` entry has the labels.
            cfg: the whole configuration; its TEST section says how to score.
            output_dir: the folder for files; None writes nothing.
            thresholds: final threshold of each label, instead of TEST.THRESHOLDS.

        Raises:
            DataError: labels have to be strong, and a clip's are not.
        """
        self._name = dataset_name
        self._cfg = cfg
        self._output_dir = output_dir
        self.labels = list(MetadataCatalog.get(dataset_name).thing_classes)
        self._records = {}  # image id -> dataset dict
        for record in DatasetCatalog.get(dataset_name):
            self._records[record["image_id"]] = record
        self._truth = reference_clips(dataset_name, self.labels) if self.strong else {}
        self.reset()

    def reset(self):
        self._outputs = {}  # image id -> what ``process`` keeps of a clip

    def gather(self) -> dict | None:
        """What all processes kept, in the dataset's order; None but on the main process."""
        outputs = {}
        for part in comm.gather(self._outputs):
            outputs.update(part)
        if not comm.is_main_process():
            return None
        return {image_id: outputs[image_id] for image_id in self._records if image_id in outputs}


def build_sed_evaluators(
    cfg, dataset_name: str, output_dir: str | None = None, thresholds=None
) -> DatasetEvaluators:
    """The evaluators of TEST.EVALUATORS as one, for :func:`inference_on_dataset`.

    Raises:
        ConfigError: a name is not in the registry.
    """
    evaluators = []
    for name in cfg.TEST.EVALUATORS:
        if name not in EVALUATOR_REGISTRY:
            known = ", ".join(dict(EVALUATOR_REGISTRY))
            raise ConfigError(f"TEST.EVALUATORS names {name!r}, expected some of {known}")
        build = EVALUATOR_REGISTRY.get(name)
        evaluators.append(build(dataset_name, cfg, output_dir, thresholds))
    return DatasetEvaluators(evaluators)
