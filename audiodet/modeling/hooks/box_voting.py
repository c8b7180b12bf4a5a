"""Box voting: what overlapping detections agree on is more exact than the best of them.

A long, unsteady event (a cry) draws many boxes that all find it and differ in their onset; NMS
keeps the most confident one, which is not the most exact one (Gidaris & Komodakis, ICCV 2015).
"""

from detectron2.structures import Instances

from audiodet.errors import ConfigError
from audiodet.modeling.frame_events import instances_of, regions_of
from audiodet.modeling.hooks.registry import POSTPROCESSOR_REGISTRY, Postprocessor
from audiodet.postprocessing.boxes import voted


@POSTPROCESSOR_REGISTRY.register()
class BoxVoting(Postprocessor):
    """NMS whose survivors move to the score-weighted mean of all boxes that they stand for.

    A box votes for a survivor of its class when their IoU is at least ``MODEL.BOX_VOTING.IOU``.
    Needs ``MODEL.ROI_HEADS.NMS_THRESH_TEST`` 1.0: the detector's own NMS would leave no voters.
    """

    def __init__(self, cfg):
        """ConfigError if the detector's NMS is on, or a threshold is out of range."""
        self.nms = cfg.MODEL.BOX_VOTING.NMS
        self.iou = cfg.MODEL.BOX_VOTING.IOU
        for key, value in (("NMS", self.nms), ("IOU", self.iou)):
            if not 0 < value <= 1:
                raise ConfigError(f"MODEL.BOX_VOTING.{key} is {value}, expected above 0, at most 1")
        if cfg.MODEL.ROI_HEADS.NMS_THRESH_TEST < 1:
            raise ConfigError(
                "MODEL.POSTPROCESSORS has BoxVoting, but MODEL.ROI_HEADS.NMS_THRESH_TEST is "
                f"{cfg.MODEL.ROI_HEADS.NMS_THRESH_TEST}, expected 1.0: it would leave no voters"
            )

    def numbers(self) -> dict:
        return {"name": "voting", "nms": self.nms, "iou": self.iou}

    def on_clip(self, result: Instances) -> Instances:
        found = voted(regions_of(result), self.nms, self.iou)
        return instances_of(found, result.image_size).to(result.scores.device)
