"""R-CRNN: region proposals over the time steps of a CRNN (Kao et al., Interspeech 2018).

Shape shorthand: see :mod:`audiodet.modeling.time_rcnn`.
"""

from detectron2.modeling import META_ARCH_REGISTRY
from detectron2.structures import ImageList

from audiodet.modeling.clip_input import ClipInput
from audiodet.modeling.time_rcnn import TimeRCNN


@META_ARCH_REGISTRY.register()
class RCRNN(TimeRCNN):
    """CRNN backbone, 1-D RPN, 1-D RoI heads (Kao et al., Interspeech 2018)."""

    def features(self, images: ImageList) -> dict:
        """Features of a padded batch; what follows a clip's end is masked."""
        return self.backbone(images.tensor, ClipInput.lengths(images))

    def features_by_length(self, images: ImageList):
        """The backbone runs once over the batch; only the light heads run on groups."""
        features = self.features(images)
        for members, group in self.clip_input.groups(images):
            steps = self.backbone.steps(int(group.image_sizes[0][1]))
            chosen = features
            if len(members) < len(images):
                chosen = {name: x[members, ..., :steps] for name, x in features.items()}
            yield members, group, chosen
