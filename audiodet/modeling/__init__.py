"""The systems: importing this package fills detectron2's registries with audiodet's pieces."""

from audiodet.modeling import (  # noqa: F401
    audiomask,
    audioset,
    ensemble,
    ensemble_tagger,
    rcrnn,
    self_mask,
    stock,
    tagger,
    tf_segmentation,
    time_boxes,
    verifier,
)
from audiodet.modeling.backbones import crnn as crnn_backbone  # noqa: F401
from audiodet.modeling.backbones import (  # noqa: F401
    crnn_1d,
    fpn,
    mask_network,
    pretrained,
    self_mask_resnet,  # noqa: F401
)
from audiodet.modeling.backbones import rcrnn as rcrnn_backbone  # noqa: F401
from audiodet.modeling.counting import keras_count  # noqa: F401
from audiodet.modeling.hooks import box_voting, clip_contrast, connect_cut, fusion  # noqa: F401
from audiodet.modeling.stock import build_model  # noqa: F401
