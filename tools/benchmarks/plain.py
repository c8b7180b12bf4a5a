"""The same model with detectron2's own code for proposals and regions: the outside truth."""

import copy

from detectron2.modeling import StandardROIHeads
from detectron2.modeling.proposal_generator.rpn import RPN


def detectron2s_own(model):
    """A copy whose boxes detectron2 handles, one image at a time."""
    plain = copy.deepcopy(model)
    plain.proposal_generator.__class__ = RPN
    plain.roi_heads.__class__ = StandardROIHeads
    anchors = plain.proposal_generator.anchor_generator
    anchors._grid_anchors = anchors._make_anchors  # at every call, as detectron2 does
    return plain
