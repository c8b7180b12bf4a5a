"""detectron2's keys that no part of audiodet reads, so that nobody believes they do something."""

from detectron2.config import CfgNode
from detectron2.config import get_cfg as detectron2_cfg

# What these ask for is not done, and training or testing without it would be something else.
NOT_DONE = {
    "DATALOADER.SAMPLER_TRAIN": "clips are drawn in shuffled order",
    "INPUT.CROP.ENABLED": "INPUT.CROP_AUDIO crops in time",
    "MODEL.KEYPOINT_ON": "events have no keypoints",
    "MODEL.LOAD_PROPOSALS": "proposals are always computed",
    "MODEL.MASK_ON": "events have no pixel masks",
    "SOLVER.REFERENCE_WORLD_SIZE": "batch and learning rate are taken as they stand",
    "TEST.AUG.ENABLED": "there is no test-time augmentation",
    "TEST.PRECISE_BN.ENABLED": "batch statistics are those of training",
}
# How images are read, resized and grouped; details of what NOT_DONE names.
WITHOUT_EFFECT = (
    "DATALOADER.ASPECT_RATIO_GROUPING",
    "DATALOADER.FILTER_EMPTY_ANNOTATIONS",
    "DATALOADER.REPEAT_THRESHOLD",
    "DATASETS.PRECOMPUTED_PROPOSAL_TOPK_TEST",
    "DATASETS.PRECOMPUTED_PROPOSAL_TOPK_TRAIN",
    "DATASETS.PROPOSAL_FILES_TEST",
    "DATASETS.PROPOSAL_FILES_TRAIN",
    "INPUT.CROP.SIZE",
    "INPUT.CROP.TYPE",
    "INPUT.FORMAT",
    "INPUT.MASK_FORMAT",
    "INPUT.MAX_SIZE_TEST",
    "INPUT.MAX_SIZE_TRAIN",
    "INPUT.MIN_SIZE_TEST",
    "INPUT.MIN_SIZE_TRAIN",
    "INPUT.MIN_SIZE_TRAIN_SAMPLING",
    "INPUT.RANDOM_FLIP",
    "TEST.AUG.FLIP",
    "TEST.AUG.MAX_SIZE",
    "TEST.AUG.MIN_SIZES",
    "TEST.KEYPOINT_OKS_SIGMAS",
    "TEST.PRECISE_BN.NUM_ITER",
)
SGD_ONLY = ("SOLVER.MOMENTUM", "SOLVER.NESTEROV")


def keys_not_done(cfg: CfgNode) -> dict[str, str]:
    """{key: why} of the keys that ask for something which is not done."""
    changed = _changed(cfg, NOT_DONE)
    return {key: NOT_DONE[key] for key in changed}


def keys_without_effect(cfg: CfgNode) -> list[str]:
    """Keys that are set away from detectron2's default and change nothing."""
    keys = _changed(cfg, WITHOUT_EFFECT)
    if cfg.SOLVER.OPTIMIZER != "sgd":
        keys += _changed(cfg, SGD_ONLY)
    return keys


def _changed(cfg: CfgNode, keys) -> list[str]:
    defaults = detectron2_cfg()
    return [key for key in keys if not _equal(_value(cfg, key), _value(defaults, key))]


def _value(cfg: CfgNode, full_key: str):
    for part in full_key.split("."):
        cfg = cfg[part]
    return cfg


def _equal(value, default) -> bool:
    """A tuple is equal to a list: YAML and yacs make the one of the other."""
    is_list = isinstance(value, (list, tuple)) and isinstance(default, (list, tuple))
    return list(value) == list(default) if is_list else value == default
