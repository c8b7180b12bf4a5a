"""The systems: importing this package fills detectron2's registries with audiodet's pieces."""

from audiodet.modeling import (  # noqa: F401
    audiomask,
    box_voting,
    connect_cut,
    fusion,
    rcrnn,
    self_mask,
    tagger,
    tf_segmentation,
    time_boxes,
    verifier,
)
from audiodet.modeling.backbones import (  # noqa: F401
    crnn,
    frame_stack,
    mask_network,
    self_mask_resnet,
)
from audiodet.modeling.counting import keras_count  # noqa: F401
