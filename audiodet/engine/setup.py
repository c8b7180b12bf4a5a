"""Command line -> checked configuration, the same in every process of a training."""

import logging
import os

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
    if comm.is_main_process():
        _make_output_folder(cfg.OUTPUT_DIR)
    default_setup(cfg, args)
    setup_logger(cfg.OUTPUT_DIR, comm.get_rank(), name="audiodet")
    if comm.is_main_process():
        for key in keys_without_effect(cfg):
            logger.warning(f"{key} has no effect: audiodet does not read it")
    setup_datasets(cfg)
    return cfg


def _make_output_folder(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
        probe = os.path.join(folder, f".write-test-{os.getpid()}")
        open(probe, "w").close()
        os.unlink(probe)
    except OSError as error:
        raise ConfigError(f"OUTPUT_DIR {folder}: cannot be written ({error.strerror})") from error
