"""R-CRNN: region proposals over the time steps of a CRNN (Kao et al., Interspeech 2018).

Data flow of detectron2's GeneralizedRCNN; clips of different lengths share a batch.
"""
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY, GeneralizedRCNN
from detectron2.structures import ImageList

from audiodet.modeling.clip_input import ClipInput


@META_ARCH_REGISTRY.register()
class RCRNN(GeneralizedRCNN):
    """CRNN backbone, 1-D RPN, 1-D RoI heads.

    Input: dicts with "image" (1, H, T), an un-normalised log-mel, and for training "instances"
    whose ``gt_boxes`` are in frames. Output: [{"instances"}], boxes scaled to the "width" of the
    input dict, which is in seconds.
    """

    @configurable
    def __init__(self, *, clip_input: ClipInput, **kwargs):
        super().__init__(**kwargs)
        self.clip_input = clip_input

    @classmethod
    def from_config(cls, cfg):
        parts = super().from_config(cfg)
        clip_input = ClipInput.from_config(cfg, parts["backbone"].size_divisibility)
        return {**parts, "clip_input": clip_input, "pixel_mean": [0.0], "pixel_std": [1.0]}

    def preprocess_image(self, batched_inputs) -> ImageList:
        """See :class:`ClipInput`."""
        return self.clip_input(batched_inputs, self.device)

    def forward(self, batched_inputs):
        """Losses in training, see :meth:`GeneralizedRCNN.forward`; shorter clips are masked."""
        if not self.training:
            return self.inference(batched_inputs)
        images = self.preprocess_image(batched_inputs)
        truth = [x["instances"].to(self.device) for x in batched_inputs]
        features = self.backbone(images.tensor, ClipInput.lengths(images))
        proposals, losses = self.proposal_generator(images, features, truth)
        _, detector_losses = self.roi_heads(images, features, proposals, truth)
        return {**losses, **detector_losses}

    def inference(self, batched_inputs, detected_instances=None, do_postprocess=True):
        """See :meth:`GeneralizedRCNN.inference`.

        The backbone runs once over the padded batch; the light heads run on groups of clips of
        equal length, cut to it, so that a clip's events do not depend on its neighbours.
        """
        images = self.preprocess_image(batched_inputs)
        lengths = ClipInput.lengths(images)
        if lengths is None or detected_instances is not None:
            return super().inference(batched_inputs, detected_instances, do_postprocess)
        features = self.backbone(images.tensor, lengths)
        results = [None] * len(lengths)
        for frames in sorted(set(lengths)):
            members = [i for i, length in enumerate(lengths) if length == frames]
            steps = self.backbone.steps(frames)
            group = ImageList(
                images.tensor[members, ..., :frames], [images.image_sizes[i] for i in members]
            )
            cut = {name: x[members, ..., :steps] for name, x in features.items()}
            proposals, _ = self.proposal_generator(group, cut, None)
            for i, result in zip(members, self.roi_heads(group, cut, proposals, None)[0]):
                results[i] = result
        if do_postprocess:
            return self._postprocess(results, batched_inputs, images.image_sizes)
        return results
