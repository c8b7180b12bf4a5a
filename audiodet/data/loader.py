"""Datasets by name -> batches of mapped clips, for training and for inference."""

import logging
import math

from detectron2.data import (
    DatasetCatalog,
    MetadataCatalog,
    build_detection_test_loader,
    build_detection_train_loader,
    get_detection_dataset_dicts,
)

from audiodet.data.mapper import SEDMapper
from audiodet.data.samplers import (
    EpochDataset,
    MixedDataset,
    MixedSampler,
    ResumableSampler,
    kind_pattern,
)
from audiodet.errors import ConfigError, DataError

logger = logging.getLogger(__name__)
LABEL_KINDS = ("strong", "weak", "unlabelled")


def dataset_view(name: str, labels) -> str:
    """Name of a registered dataset that has exactly these labels, in this order.

    The dataset itself when its labels are the model's. Otherwise a view is registered: events of
    other labels are no longer annotated (they become distractors), and clips that are scored for
    another label only are left out.

    Raises:
        ConfigError: no such dataset, or it has none of the labels.
    """
    labels = list(labels)
    if name not in DatasetCatalog:
        known = ", ".join(sound_datasets())
        raise ConfigError(f"dataset {name!r} is not registered; registered are: {known}")
    if not MetadataCatalog.get(name).get("thing_classes"):
        DatasetCatalog.get(name)  # its labels depend on the data and are known once it is loaded
    own = list(MetadataCatalog.get(name).thing_classes)
    if own == labels:
        return name
    if not set(own) & set(labels):
        raise ConfigError(
            f"dataset {name!r} has the labels {own}, expected some of DATASETS.LABELS {labels}"
        )
    view = f"{name}[{','.join(labels)}]"
    if view not in DatasetCatalog:
        DatasetCatalog.register(view, lambda: _relabel(DatasetCatalog.get(name), own, labels))
        MetadataCatalog.get(view).set(thing_classes=labels, evaluator_type="sed")
    return view


def sound_datasets() -> list[str]:
    """Names of the registered datasets of sounds, sorted."""
    return sorted(
        name
        for name in DatasetCatalog.keys()
        if MetadataCatalog.get(name).get("evaluator_type") == "sed"
    )


def _relabel(clips, own, labels):
    index = {own.index(label): labels.index(label) for label in labels if label in own}
    kept = []
    for clip in clips:
        if clip.get("target") is not None and clip["target"] not in labels:
            continue
        annotations = [
            {**a, "category_id": index[a["category_id"]]}
            for a in clip.get("annotations", ())
            if a["category_id"] in index
        ]
        clip = {**clip, "annotations": annotations}
        if "clip_labels" in clip:
            clip["clip_labels"] = [index[k] for k in clip["clip_labels"] if k in index]
        kept.append(clip)
    return kept


def load_dataset_dicts(names, labels, kinds=LABEL_KINDS) -> list:
    """Dataset dicts of all ``names``, with the category ids of ``labels``.

    Raises:
        DataError: a dataset is empty, or its labels are not of one of the ``kinds``.
    """
    views = [dataset_view(name, labels) for name in names]
    for name, view in zip(names, views):
        if not len(DatasetCatalog.get(view)):
            raise DataError(f"dataset {name!r} has 0 clips, expected at least one")
        found = {clip.get("label_kind", "strong") for clip in DatasetCatalog.get(view)}
        if not found <= set(kinds):
            raise DataError(
                f"dataset {name!r} has {'/'.join(sorted(found))} labels, this model learns from "
                f"{' or '.join(kinds)} ones"
            )
    return get_detection_dataset_dicts(views, filter_empty=False)


class SequenceDataset(EpochDataset):
    """Every sequence of every clip, by running number; see ``INPUT.SEQUENCE``.

    An item is a clip with "sequence": (number of the sequence in the clip, epoch).
    """

    def __init__(self, clips, seconds: float):
        """
        Args:
            seconds: length of a sequence.

        Raises:
            ConfigError: no clip is as long as a sequence.
        """
        longest = max(clips, key=lambda clip: clip["width"])
        if longest["width"] < seconds:
            raise ConfigError(
                f"INPUT.SEQUENCE.FRAMES lasts {seconds:.2f} s, the longest training clip "
                f"{longest['file_name']} {longest['width']:.2f} s, expected a clip of that length"
            )
        super().__init__(clips)
        self.sequences = [
            (i, number)
            for i, clip in enumerate(clips)
            for number in range(max(1, math.ceil(clip["width"] / seconds - 1e-9)))
        ]

    def __len__(self):
        return len(self.sequences)

    def __getitem__(self, number: int) -> dict:
        epoch, place = divmod(number, len(self.sequences))
        clip, sequence = self.sequences[place]
        return {**self.clips[clip], "draw": number, "sequence": (sequence, epoch)}


def label_kinds(cfg) -> tuple:
    """Kinds of labels that the configured system can be trained with.

    One that learns of weak and strong labels together ignores unlabelled clips.
    """
    if cfg.MODEL.META_ARCHITECTURE == "TFSegmentation":
        return ("weak",)
    loss = cfg.MODEL.TAGGER.LOSS if cfg.MODEL.META_ARCHITECTURE == "SequenceTagger" else "frame"
    if cfg.MODEL.META_ARCHITECTURE == "SelfMaskNet" or loss == "both":
        return ("strong", "weak", "unlabelled")
    return ("strong", "weak") if loss == "clip" else ("strong",)


def _check_labels_occur(clips, cfg, kind: str = "") -> None:
    """A model must not claim labels that it cannot have learned."""
    seen = {a["category_id"] for clip in clips for a in clip.get("annotations", ())}
    seen |= {k for clip in clips for k in clip.get("clip_labels", ())}
    missing = [name for k, name in enumerate(cfg.DATASETS.LABELS) if k not in seen]
    if missing:
        what = f"{kind} labels" if kind else "events"
        raise DataError(
            f"DATASETS.TRAIN {list(cfg.DATASETS.TRAIN)} has 0 {what} of {', '.join(missing)}, "
            "expected at least one of each of DATASETS.LABELS: leave out what cannot be learned"
        )


def training_clips(cfg) -> list:
    """Dataset dicts that the configured system trains on.

    Raises:
        ConfigError: no dataset to train on, or a part of a clip is to stand for its weak labels.
        DataError: labels of another kind; a label that occurs in no clip, or, where weak and strong
            labels are learned together, in one of the two kinds only.
    """
    if not cfg.DATASETS.TRAIN:
        raise ConfigError("DATASETS.TRAIN is empty, expected the name of a registered dataset")
    kinds = label_kinds(cfg)
    clips = load_dataset_dicts(cfg.DATASETS.TRAIN, cfg.DATASETS.LABELS, kinds)
    clips = clips[:: cfg.DATASETS.TRAIN_EVERY]
    if "unlabelled" not in kinds:
        _check_labels_occur(clips, cfg)
        return clips
    kept = [clip for clip in clips if clip.get("label_kind", "strong") != "unlabelled"]
    if len(kept) < len(clips):
        logger.info(f"{len(clips) - len(kept)} unlabelled clips of {len(clips)} are not used")
    parts = of_kinds(kept)
    for kind, part in parts.items():
        if part or not kept:
            _check_labels_occur(part, cfg, kind)
    if parts["weak"] and (cfg.INPUT.CROP_AUDIO.SECONDS or cfg.INPUT.SEQUENCE.FRAMES):
        raise ConfigError(
            f"INPUT.CROP_AUDIO.SECONDS is {cfg.INPUT.CROP_AUDIO.SECONDS} and INPUT.SEQUENCE.FRAMES "
            f"{cfg.INPUT.SEQUENCE.FRAMES}, expected 0: a part of a clip need not hold its labels"
        )
    return kept


def of_kinds(clips) -> dict:
    """{"weak": dataset dicts, "strong": dataset dicts}."""
    return {
        kind: [clip for clip in clips if clip.get("label_kind", "strong") == kind]
        for kind in ("weak", "strong")
    }


def build_train_loader(cfg, start_iter: int = 0):
    """Endless batches of ``SOLVER.IMS_PER_BATCH`` mapped training clips, from an iteration on.

    Raises:
        ConfigError: see :func:`training_clips`; or a batch cannot hold DATALOADER.WEAK_PER_BATCH.
        DataError: see :func:`training_clips`.
    """
    clips, batch = training_clips(cfg), cfg.SOLVER.IMS_PER_BATCH
    start, seed = start_iter * batch, max(cfg.SEED, 0)
    mapper = SEDMapper(cfg, is_train=True)
    seconds = cfg.INPUT.SEQUENCE.FRAMES * mapper.log_mel.seconds_per_frame
    if cfg.DATALOADER.WEAK_PER_BATCH:
        parts = list(of_kinds(clips).values())
        pattern = kind_pattern(cfg.DATALOADER.WEAK_PER_BATCH, batch, *map(len, parts))
        dataset = MixedDataset(parts)
        sampler = MixedSampler([len(part) for part in parts], pattern, seed, start)
    else:
        dataset = SequenceDataset(clips, seconds) if seconds else EpochDataset(clips)
        sampler = ResumableSampler(len(dataset), seed, start)
    return build_detection_train_loader(
        dataset,
        mapper=mapper,
        sampler=sampler,
        total_batch_size=batch,
        aspect_ratio_grouping=False,
        num_workers=cfg.DATALOADER.NUM_WORKERS,
    )


def build_test_loader(cfg, name: str, crop: bool = False, kinds=LABEL_KINDS):
    """Batches of ``TEST.BATCH_SIZE`` mapped clips of one dataset, each clip once.

    With ``crop`` each is a training crop, always the same one.

    Raises:
        DataError: see :func:`load_dataset_dicts`.
    """
    return build_detection_test_loader(
        load_dataset_dicts([name], cfg.DATASETS.LABELS, kinds),
        mapper=SEDMapper(cfg, is_train=False, crop=crop),
        batch_size=cfg.TEST.BATCH_SIZE,
        num_workers=cfg.DATALOADER.NUM_WORKERS,
    )
