"""Dataset dict (seconds) -> the model's input (frames); detector_postprocess is the way back."""

import copy

import numpy as np
import torch
from detectron2.data import detection_utils
from detectron2.data import transforms as T

from audiodet.audio.io import read_audio
from audiodet.data.augmentation import augment, choose_crop
from audiodet.data.cache import FeatureCache
from audiodet.data.front_ends import NOISE_DB
from audiodet.data.mixing.rendering import render
from audiodet.data.spectrogram import LogMel


class SEDMapper:
    """Loads or renders a clip, computes its log-mel, and moves its events onto the frames.

    Returns the dataset dict with
        image: (1, H, T) float32, un-normalised log-mel.
        instances: ``gt_boxes`` (R, 4) in frames, full height, and ``gt_classes``.
        clip_labels: (K,) ones where the clip holds the class.
        width: the seconds that the spectrogram spans, T * hop / rate, and height 1, so that
            ``detector_postprocess`` brings predictions back to seconds.
        duration: the clip's length in seconds (up to a hop less than ``width``).
    """

    def __init__(self, cfg, is_train: bool, crop: bool = False):
        """
        Args:
            is_train: crop and augment.
            crop: only crop; a clip's crop depends on its ``image_id``.
        """
        self.is_train = is_train
        self.is_cropped = (is_train or crop) and cfg.INPUT.CROP_AUDIO.SECONDS > 0
        self.sequence = cfg.INPUT.SEQUENCE
        self.seed = max(cfg.SEED, 0)
        self.num_classes = len(cfg.DATASETS.LABELS)
        self.crop = cfg.INPUT.CROP_AUDIO
        self.augmentation = cfg.INPUT.SPEC_AUGMENT
        self.log_mel = LogMel.from_config(cfg)
        self.cache = None
        if cfg.INPUT.CACHE_DIR:
            spectrogram = dict(cfg.INPUT.SPECTROGRAM)
            for key in ("NORMALIZE", "NORMALIZE_CLIPS", "PAD_SECONDS"):  # applied in the model
                del spectrogram[key]
            front_end = {"audio": dict(cfg.INPUT.AUDIO), "spectrogram": spectrogram}
            if cfg.INPUT.FRONT_END != "log_mel":
                front_end["pretrained"] = [cfg.INPUT.FRONT_END, cfg.INPUT.LEVEL, NOISE_DB]
            self.cache = FeatureCache(cfg.INPUT.CACHE_DIR, front_end)

    def __call__(self, dataset_dict: dict) -> dict:
        clip = copy.deepcopy(dataset_dict)
        draw = clip.pop("draw", 0 if self.is_train else clip.get("image_id", 0))
        rng = np.random.default_rng((self.seed, draw))
        log_mel = self.spectrogram(clip)
        hop = self.log_mel.seconds_per_frame
        start = 0
        if self.is_cropped:
            start, log_mel = self._crop(log_mel, clip, rng)
        if "sequence" in clip:
            start, log_mel = self._sequence(log_mel, *clip.pop("sequence"))
        if self.is_train:
            log_mel = augment(log_mel, rng, self.augmentation)
        bands, frames = log_mel.shape
        to_frames = T.TransformList(
            [
                T.CropTransform(start * hop, 0.0, frames * hop, 1.0),
                T.ResizeTransform(1, frames * hop, bands, frames),
            ]
        )
        clip.update(image=torch.from_numpy(log_mel)[None], duration=clip["width"])
        clip.update(height=1, width=frames * hop)
        self._place_events(clip, to_frames, (bands, frames))
        return clip

    def spectrogram(self, clip: dict) -> np.ndarray:
        """Log-mel of a dataset dict, (H, T) float32."""

        def compute() -> np.ndarray:
            waveform = self.waveform(clip)
            self.log_mel.check_length(waveform, clip["file_name"])
            return self.log_mel(torch.from_numpy(waveform)).numpy()

        return self.cache.get(clip, compute) if self.cache else compute()

    def waveform(self, clip: dict) -> np.ndarray:
        """Samples of a dataset dict at the model's rate, (samples,) float32.

        Of a clip with "cut_seconds" only those first seconds.
        """
        rate = self.log_mel.sample_rate
        if "recipe" in clip:
            return render(clip["recipe"], clip["soundbank"], rate)
        samples = read_audio(clip["file_name"], rate)
        return samples[: round(clip["cut_seconds"] * rate)] if "cut_seconds" in clip else samples

    def _crop(self, log_mel, clip, rng):
        """A random crop: its first frame and its log-mel; a shorter clip stays as it is."""
        hop = self.log_mel.seconds_per_frame
        wanted = round(self.crop.SECONDS / hop)
        events = [(a["bbox"][0], a["bbox"][2]) for a in clip.get("annotations", ())]
        seconds = choose_crop(
            log_mel.shape[1] * hop, wanted * hop, events, rng, self.crop.EVENT_FRACTION
        )
        start = int(seconds / hop)
        return start, np.ascontiguousarray(log_mel[:, start : start + wanted])

    def _sequence(self, log_mel, number: int, epoch: int):
        """One of a clip's sequences in an epoch: its first frame and its log-mel."""
        length = self.sequence.FRAMES
        start = number * length + epoch * self.sequence.SHIFT % length
        start = max(0, min(start, log_mel.shape[1] - length))
        return start, np.ascontiguousarray(log_mel[:, start : start + length])

    def _place_events(self, clip: dict, to_frames, image_size) -> None:
        """Annotations in seconds -> "instances" in frames and "clip_labels"."""
        kept = []
        for annotation in clip.pop("annotations", []):
            full = to_frames.apply_box(np.array([annotation["bbox"]]))[0]
            moved = detection_utils.transform_instance_annotations(
                annotation, to_frames, image_size
            )
            inside = moved["bbox"][2] - moved["bbox"][0]
            whole = min(full[2] - full[0], image_size[1])
            if inside > 0 and inside >= self.crop.MIN_EVENT_FRACTION * whole:
                kept.append(moved)
        instances = detection_utils.annotations_to_instances(kept, image_size)
        clip["instances"] = instances
        labels = clip.get("clip_labels", instances.gt_classes)
        clip["clip_labels"] = torch.zeros(self.num_classes)
        clip["clip_labels"][torch.as_tensor(labels, dtype=torch.int64)] = 1.0
