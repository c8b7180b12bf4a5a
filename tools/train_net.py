#!/usr/bin/env python
"""Train or evaluate any system: tools/train_net.py --config-file F [--resume] [KEY VALUE ...]."""

import re
import sys

import audiodet  # noqa: F401  makes detectron2 importable
from detectron2.engine import default_argument_parser, launch
from detectron2.utils import comm
from torch import distributed as dist
from torch.multiprocessing import ProcessRaisedException

from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.engine.setup import setup
from audiodet.engine.trainer import Trainer
from audiodet.engine.validation import verify
from audiodet.errors import AudiodetError, ConfigError


def main(args):
    """What every process of a training runs."""
    results = train_or_evaluate(args)
    if dist.is_initialized():
        # A process that just ends may abort while gloo's threads still work.
        comm.synchronize()
        dist.destroy_process_group()
    return results


def train_or_evaluate(args):
    """Train, or score given weights -> the results of the last evaluation."""
    cfg = setup(args)
    if args.eval_only:
        return evaluate_only(cfg)
    trainer = Trainer(cfg)
    if cfg.VIS_PERIOD and comm.is_main_process():
        from audiodet.visualization.training import TrainingPictures

        trainer.register_hooks([TrainingPictures(cfg, trainer.system)])
    trainer.resume_or_load(resume=args.resume)
    return trainer.train()


def evaluate_only(cfg) -> dict:
    """Score MODEL.WEIGHTS or TEST.ENSEMBLE on DATASETS.TEST; ConfigError if neither is named."""
    if not (cfg.MODEL.WEIGHTS or cfg.TEST.ENSEMBLE):
        raise ConfigError("MODEL.WEIGHTS is empty, expected the checkpoint to evaluate")
    model = None  # an ensemble's members are models of their own
    if not cfg.TEST.ENSEMBLE:
        model = Trainer.build_model(cfg)
        SEDCheckpointer(model, cfg.OUTPUT_DIR, cfg=cfg).load(cfg.MODEL.WEIGHTS)
    results = Trainer.test(cfg, model)
    verify(cfg, results)
    return results


if __name__ == "__main__":
    args = default_argument_parser().parse_args()
    try:
        launch(
            main,
            max(1, args.num_gpus),
            num_machines=args.num_machines,
            machine_rank=args.machine_rank,
            dist_url=args.dist_url,
            args=(args,),
        )
    except OSError as error:
        sys.exit(f"error: {error.filename or 'a file'}: {error.strerror or error}")
    except (AudiodetError, ProcessRaisedException) as error:
        # From a loader's worker or another process it comes after the traceback from there.
        last = str(error).strip().splitlines()[-1]
        if isinstance(error, ProcessRaisedException) and not last.startswith("audiodet.errors."):
            raise
        sys.exit("error: " + re.sub(r"^audiodet\.errors\.\w+: ", "", last))
