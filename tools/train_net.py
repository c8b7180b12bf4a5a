#!/usr/bin/env python
"""Train or evaluate any system: tools/train_net.py --config-file F [--resume] [KEY VALUE ...]."""

import re
import sys

import audiodet  # noqa: F401  makes detectron2 importable
from detectron2.engine import default_argument_parser, launch
from detectron2.utils import comm
from torch.multiprocessing import ProcessRaisedException

from audiodet.engine.setup import setup
from audiodet.engine.trainer import Trainer, evaluate_only
from audiodet.errors import AudiodetError


def main(args):
    """What every process of a training runs."""
    cfg = setup(args)
    if args.eval_only:
        return evaluate_only(cfg)
    trainer = Trainer(cfg)
    if cfg.VIS_PERIOD and comm.is_main_process():
        from audiodet.visualization.training import TrainingPictures

        trainer.register_hooks([TrainingPictures(cfg, trainer.system)])
    trainer.resume_or_load(resume=args.resume)
    return trainer.train()


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
    except (AudiodetError, ProcessRaisedException) as error:
        # From a loader's worker or another process it comes after the traceback from there.
        last = str(error).strip().splitlines()[-1]
        if isinstance(error, ProcessRaisedException) and not last.startswith("audiodet.errors."):
            raise
        sys.exit("error: " + re.sub(r"^audiodet\.errors\.\w+: ", "", last))
