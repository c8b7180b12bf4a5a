"""The systems: importing this package fills detectron2's registries with audiodet's pieces."""
from audiodet.modeling import rcrnn, tagger, time_boxes  # noqa: F401
from audiodet.modeling.backbones import crnn  # noqa: F401
from audiodet.modeling.counting import keras_count  # noqa: F401
