"""Command line -> checked configuration, the same in every process of a training."""

import logging
import os
import tempfile

from detectron2.engine import default_setup
from detectron2.utils import comm
from detectron2.utils.logger import setup_logger

from audiodet.config.loading import load_config
from audiodet.config.unused import keys_without_effect
from audiodet.data.datasets import setup_datasets
from audiodet.errors import ConfigError

logger = logging.getLogger(__name__)


def setup(args):
    """Configuration of a tool's command line; also logging, seeds and datasets of this process.

    Raises:
        ConfigError: as :func:`load_config`, or the output folder cannot be written.
    """
    cfg = load_config(args.config_file, args.opts)
    logging.raiseExceptions = False  # a log that cannot grow is no reason for tracebacks
    if comm.is_main_process():
        try:
            os.makedirs(cfg.OUTPUT_DIR, exist_ok=True)
            tempfile.TemporaryFile(dir=cfg.OUTPUT_DIR).close()
        except OSError as error:
            raise ConfigError(
                f"OUTPUT_DIR {cfg.OUTPUT_DIR}: cannot be written ({error.strerror})"
            ) from error
    default_setup(cfg, args)
    setup_logger(cfg.OUTPUT_DIR, comm.get_rank(), name="audiodet")
    if comm.is_main_process():
        for key in keys_without_effect(cfg):
            logger.warning(f"{key} has no effect: audiodet does not read it")
    setup_datasets(cfg)
    return cfg
