"""The one training loop of all systems: detectron2's, with audiodet's data, hooks and scores."""

import logging
import os
import weakref
from functools import partial

import torch
from detectron2.engine import DefaultTrainer, TrainerBase, hooks
from detectron2.engine.defaults import create_ddp_model
from detectron2.layers import FrozenBatchNorm2d
from detectron2.utils import comm
from detectron2.utils.events import EventStorage

from audiodet.config.checks import watched_metrics
from audiodet.data.loader import (
    build_test_loader,
    build_train_loader,
    dataset_view,
    load_dataset_dicts,
)
from audiodet.data.mapper import SEDMapper
from audiodet.engine import best
from audiodet.engine import hooks as sed_hooks
from audiodet.engine.checkpoint import SEDCheckpointer, init_backbone, share_buffers
from audiodet.engine.ensemble import build_ensemble
from audiodet.engine.faults import KeptCheckpoints, one_line
from audiodet.engine.optimizer import build_optimizer
from audiodet.engine.stepping import build_stepper
from audiodet.engine.validation import tune, tune_decisions, verify
from audiodet.errors import ConfigError
from audiodet.evaluation import build_sed_evaluators
from audiodet.files import remove_temporaries
from audiodet.modeling.model import label_kinds
from audiodet.modeling.stock import build_model

logger = logging.getLogger(__name__)


class Trainer(DefaultTrainer):
    """Trains any system from a configuration; see :mod:`audiodet.config` for the keys."""

    def __init__(self, cfg):
        TrainerBase.__init__(self)
        self._last_eval_results = None
        if cfg.MODEL.WEIGHTS and cfg.MODEL.BACKBONE.INIT_WEIGHTS:
            raise ConfigError(
                f"MODEL.WEIGHTS is {cfg.MODEL.WEIGHTS} and MODEL.BACKBONE.INIT_WEIGHTS is "
                f"{cfg.MODEL.BACKBONE.INIT_WEIGHTS}, expected one of them to train from"
            )
        model = self.build_model(cfg)
        optimizer = self.build_optimizer(cfg, model)
        loader = self.build_train_loader(cfg)
        on_cpu = torch.device(cfg.MODEL.DEVICE).type == "cpu"
        ids = {"device_ids": None} if on_cpu else {}
        model = create_ddp_model(model, broadcast_buffers=False, **ids)
        self._trainer = build_stepper(cfg, model, loader, optimizer)
        self.scheduler = self.build_lr_scheduler(cfg, optimizer)
        self.checkpointer = SEDCheckpointer(
            model, cfg.OUTPUT_DIR, cfg=cfg, trainer=weakref.proxy(self)
        )
        self.start_iter = 0
        self.max_iter = cfg.SOLVER.MAX_ITER
        self.cfg = cfg
        self.register_hooks(self.build_hooks())
        for name in (*cfg.DATASETS.VAL, *cfg.DATASETS.TEST):  # a wrong name ends here, not later
            dataset_view(name, cfg.DATASETS.LABELS)

    @property
    def system(self):
        """The model, without the wrapper that several processes need."""
        return self.model.module if comm.get_world_size() > 1 else self.model

    def resume_or_load(self, resume=True):
        """Continue the output folder's last whole checkpoint, or start from MODEL.WEIGHTS.

        The data of a resumed training continue where they stopped.
        """
        resume = resume and self.checkpointer.has_checkpoint()
        super().resume_or_load(resume=resume)
        if resume:
            start = self.start_iter
            kinds = label_kinds(self.cfg)
            self._trainer.reset_data_loader(lambda: build_train_loader(self.cfg, start, kinds))
        elif not self.cfg.MODEL.WEIGHTS:
            self._start_from_scratch()

    def _start_from_scratch(self):
        model = self.system
        clips = load_dataset_dicts(self.cfg.DATASETS.TRAIN, self.cfg.DATASETS.LABELS)
        model.measure(clips)
        if self.cfg.MODEL.BACKBONE.INIT_WEIGHTS and init_backbone(model, self.cfg):
            return
        count = self.cfg.INPUT.SPECTROGRAM.NORMALIZE_CLIPS
        mapper = SEDMapper(self.cfg, is_train=False)
        chosen = clips[:: max(1, len(clips) // count)][:count]
        model.clip_input.normalizer.fit(mapper(clip)["image"] for clip in chosen)

    def train(self):
        """Run training to its end or to :meth:`stop`; returns the last evaluation's results."""
        logger.info(f"Starting training from iteration {self.start_iter}")
        self.iter = self.start_iter
        self._stop = False
        with one_line(self), EventStorage(self.start_iter) as self.storage:
            self.before_train()
            try:
                for iteration in range(self.start_iter, self.max_iter):
                    self.iter = iteration
                    self.before_step()
                    self.run_step()
                    self.after_step()
                    if self._stop:
                        break
                else:
                    self.iter += 1
            finally:
                self.after_train()
        verify(self.cfg, self._last_eval_results)
        return self._last_eval_results

    def before_train(self):
        """Also start the loader now: starting draws a random number, which no step must miss."""
        if self.start_iter == 0 and comm.is_main_process():
            best.remove_earlier_best(self.cfg)
        if comm.is_main_process():
            remove_temporaries(self.cfg.OUTPUT_DIR)
        super().before_train()
        _ = self._trainer._data_loader_iter  # a property, which starts it

    def run_step(self):
        """A step of each part of the batch; the last one changes the weights."""
        for _ in range(self.cfg.SOLVER.ACCUMULATE):
            super().run_step()

    def stop(self):
        """End training after this step, with a final checkpoint and evaluation."""
        self._stop = True
        self.max_iter = self.iter + 1
        if comm.is_main_process():
            self.checkpointer.save("model_final", iteration=self.iter)

    @classmethod
    def build_model(cls, cfg):
        model = build_model(cfg)
        if cfg.MODEL.BACKBONE.FREEZE:
            backbone = model.backbone_for("MODEL.BACKBONE.FREEZE")
            FrozenBatchNorm2d.convert_frozen_batchnorm(backbone)
            backbone.requires_grad_(False)
        return model

    @classmethod
    def build_optimizer(cls, cfg, model):
        return build_optimizer(cfg, model)

    @classmethod
    def build_train_loader(cls, cfg):
        return build_train_loader(cfg, kinds=label_kinds(cfg))

    @classmethod
    def build_test_loader(cls, cfg, dataset_name):
        return build_test_loader(cfg, dataset_name)

    def build_hooks(self):
        """Hooks in the order in which they act after a step."""
        cfg = self.cfg
        solver = cfg.SOLVER
        is_main = comm.is_main_process()
        result = [
            sed_hooks.SeedEveryStep(max(cfg.SEED, 0)),
            hooks.IterationTimer(),
            hooks.LRScheduler(),
        ]
        if solver.VAL_PERIOD and cfg.DATASETS.VAL:
            loss = (solver.VAL_PERIOD, self.model, self._validation_loaders)
            result.append(sed_hooks.ValidationLoss(*loss, lambda: share_buffers(self.model)))
        if solver.BEST.METRIC:
            result.append(best.EndWithBest(self.checkpointer))
        result.append(hooks.EvalHook(cfg.TEST.EVAL_PERIOD, self._evaluate))
        if is_main:
            result += best.best_hooks(cfg, self.checkpointer)
        watched = watched_metrics(cfg)
        if solver.EARLY_STOP.PATIENCE:
            stop = solver.EARLY_STOP
            how = (stop.METRIC, stop.PATIENCE, stop.MIN_DELTA, stop.MODE)
            result.append(sed_hooks.EarlyStop(watched[stop.METRIC], *how))
        if is_main:
            files = (self.checkpointer, solver.CHECKPOINT_PERIOD)
            result += [
                KeptCheckpoints(*files, max_to_keep=solver.CHECKPOINTS_KEPT),
                sed_hooks.ExpectMetrics(watched),
                hooks.PeriodicWriter(self.build_writers(), period=20),
            ]
        return result

    @classmethod
    def build_evaluator(cls, cfg, dataset_name, output_folder=None, thresholds=None):
        """The evaluators of TEST.EVALUATORS for one dataset.

        Args:
            output_folder: for their files; by default OUTPUT_DIR/inference/<dataset>.
            thresholds: final threshold of each label, instead of TEST.THRESHOLDS.
        """
        folder = output_folder or os.path.join(cfg.OUTPUT_DIR, "inference", dataset_name)
        view = dataset_view(dataset_name, cfg.DATASETS.LABELS)
        return build_sed_evaluators(cfg, view, folder, thresholds)

    @classmethod
    def test(cls, cfg, model, evaluators=None):
        """Score DATASETS.TEST, with thresholds tuned on DATASETS.VAL if the config says so.

        With TEST.ENSEMBLE those checkpoints are scored together, instead of ``model``.
        Writes OUTPUT_DIR/inference/<dataset>/.

        Args:
            evaluators: one for each of DATASETS.TEST, instead of :meth:`build_evaluator`'s.
        """
        if cfg.TEST.ENSEMBLE:
            model = build_ensemble(cfg)
            cfg = model.cfg  # members of other front ends hear other inputs
        share_buffers(model)
        if cfg.TEST.TUNE_RULES:
            cfg = tune_decisions(cfg, model)
        thresholds = tune(cfg, model) if cfg.TEST.TUNE_THRESHOLDS else None
        if evaluators is None:
            build = partial(cls.build_evaluator, cfg, thresholds=thresholds)
            evaluators = list(map(build, cfg.DATASETS.TEST))
        return super().test(cfg, model, evaluators)

    def _evaluate(self):
        """Scores of the validation sets and their mean; at the end, scores of the test sets."""
        if self.iter + 1 >= self.max_iter:
            self._last_eval_results = self.test(self.cfg, self.model)
            return self._last_eval_results
        cfg = self.cfg.clone()
        cfg.defrost()
        cfg.DATASETS.TEST = cfg.DATASETS.VAL
        cfg.TEST.TUNE_THRESHOLDS = False
        cfg.TEST.TUNE_RULES = False
        cfg.TEST.ENSEMBLE = ()
        return best.with_means(self.test(cfg, self.model), cfg.DATASETS.VAL)

    def _validation_loaders(self):
        crop = self.cfg.INPUT.CROP_AUDIO.VALIDATE
        kinds = ("strong", "weak")  # a clip without labels has no loss
        return [build_test_loader(self.cfg, name, crop, kinds) for name in self.cfg.DATASETS.VAL]
