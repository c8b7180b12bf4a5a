"""The registry of evaluators, from which TEST.EVALUATORS chooses."""

from functools import partial

from detectron2.evaluation import DatasetEvaluators
from fvcore.common.registry import Registry

from audiodet.errors import ConfigError


class _EvaluatorRegistry(Registry):
    """detectron2's registry; an entry may have a shorter name than its class."""

    def register(self, obj=None, name: str | None = None):
        """See :meth:`fvcore.common.registry.Registry.register`."""
        if obj is None:
            return partial(self.register, name=name)
        self._do_register(name or obj.__name__, obj)
        return obj


EVALUATOR_REGISTRY = _EvaluatorRegistry("EVALUATOR")
EVALUATOR_REGISTRY.__doc__ = """
Registry of evaluators: classes, or functions that return one, called with
``(dataset_name, cfg, output_dir=None, thresholds=None)``:

* dataset_name: a registered dataset; its ``MetadataCatalog`` entry has the labels.
* cfg: the whole configuration.
* output_dir: the folder for files; None writes nothing.
* thresholds: final threshold of each label, instead of TEST.THRESHOLDS.

Each is a :class:`detectron2.evaluation.DatasetEvaluator`, whose ``evaluate`` returns
``{task: {metric: value}}`` on the main process. TEST.EVALUATORS names them: by the name given to
``register``, or else by the name of the class.
"""


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
            known = ", ".join(entry for entry, _ in EVALUATOR_REGISTRY)
            raise ConfigError(f"TEST.EVALUATORS names {name!r}, expected some of {known}")
        build = EVALUATOR_REGISTRY.get(name)
        evaluators.append(build(dataset_name, cfg, output_dir, thresholds))
    return DatasetEvaluators(evaluators)
