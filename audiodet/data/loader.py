"""Datasets by name -> batches of mapped clips, for training and for inference."""

import logging

from detectron2.data import (
    DatasetCatalog,
    MetadataCatalog,
    build_detection_test_loader,
    build_detection_train_loader,
    get_detection_dataset_dicts,
)

from audiodet.data.batches import Batch
from audiodet.data.label_kinds import LABEL_KINDS, LabelKinds, kind_of, of_kinds
from audiodet.data.mapper import SEDMapper
from audiodet.data.samplers import (
    EpochDataset,
    MixedDataset,
    MixedSampler,
    ResumableSampler,
    SequenceDataset,
    kind_pattern,
)
from audiodet.errors import ConfigError, DataError
from audiodet.names import spelled_alike

logger = logging.getLogger(__name__)


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
        known = spelled_alike(name, sound_datasets())
        raise ConfigError(f"dataset {name!r} is not registered, expected one of {known}")
    if not MetadataCatalog.get(name).get("thing_classes"):
        DatasetCatalog.get(name)  # its labels depend on the data and are known once it is loaded
    known = list(MetadataCatalog.get(name).thing_classes)
    if known == labels:
        return name
    if not set(known) & set(labels):
        raise ConfigError(
            f"dataset {name!r} has the labels {known}, expected some of DATASETS.LABELS {labels}"
        )
    view = f"{name}[{','.join(labels)}]"
    if view not in DatasetCatalog:
        DatasetCatalog.register(view, lambda: _relabel(DatasetCatalog.get(name), known, labels))
        MetadataCatalog.get(view).set(thing_classes=labels, evaluator_type="sed")
    return view


def sound_datasets() -> list[str]:
    """Names of the registered datasets of sounds, sorted."""
    return sorted(
        name
        for name in DatasetCatalog.keys()
        if MetadataCatalog.get(name).get("evaluator_type") == "sed"
    )


def _relabel(clips, known, labels) -> list:
    """Dataset dicts whose category ids count ``known`` labels -> the same with ``labels``."""
    index = {known.index(label): labels.index(label) for label in labels if label in known}
    kept = []
    for clip in clips:
        if clip.get("target") is not None and clip["target"] not in labels:
            continue
        annotations = []
        for annotation in clip.get("annotations", ()):
            if annotation["category_id"] in index:
                category = index[annotation["category_id"]]
                annotations.append({**annotation, "category_id": category})
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
        present = {kind_of(clip) for clip in DatasetCatalog.get(view)}
        if not present <= set(kinds):
            raise DataError(
                f"dataset {name!r} has {'/'.join(sorted(present))} labels, this model learns from "
                f"{' or '.join(kinds)} ones"
            )
    return get_detection_dataset_dicts(views, filter_empty=False)


def _check_labels_occur(clips, cfg, kind: str = "") -> None:
    """A model must not claim labels that it cannot have learned."""
    seen = set()
    for clip in clips:
        seen.update(event["category_id"] for event in clip.get("annotations", ()))
        seen.update(clip.get("clip_labels", ()))
    missing = [name for k, name in enumerate(cfg.DATASETS.LABELS) if k not in seen]
    if missing:
        what = f"{kind} labels" if kind else "events"
        raise DataError(
            f"DATASETS.TRAIN {list(cfg.DATASETS.TRAIN)} has 0 {what} of {', '.join(missing)}, "
            "expected at least one of each of DATASETS.LABELS: leave out what cannot be learned"
        )


def training_clips(cfg, kinds: LabelKinds = LabelKinds()) -> list:
    """Dataset dicts that a system trains on which learns from these ``kinds`` of labels.

    Raises:
        ConfigError: no dataset to train on, or a part of a clip is to stand for its weak labels.
        DataError: labels of another kind; a label that occurs in no clip, or, where weak and strong
            labels are learned together, in one of the two kinds only.
    """
    if not cfg.DATASETS.TRAIN:
        raise ConfigError("DATASETS.TRAIN is empty, expected the name of a registered dataset")
    clips = load_dataset_dicts(cfg.DATASETS.TRAIN, cfg.DATASETS.LABELS, kinds.accepted)
    clips = clips[:: cfg.DATASETS.TRAIN_EVERY]
    kept = [clip for clip in clips if kind_of(clip) in kinds.learned]
    if len(kept) < len(clips):
        ignored = " and ".join(kinds.ignored)
        logger.info(f"{len(clips) - len(kept)} {ignored} clips of {len(clips)} are not used")
    if not kinds.apart:
        _check_labels_occur(kept, cfg)
        return kept
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


def build_train_loader(cfg, start_iter: int = 0, kinds: LabelKinds = LabelKinds()):
    """Endless batches of ``SOLVER.IMS_PER_BATCH`` mapped training clips, from an iteration on.

    Raises:
        ConfigError: see :func:`training_clips`; or a batch cannot hold DATALOADER.WEAK_PER_BATCH,
            or would hold no clip of a kind that is learned.
        DataError: see :func:`training_clips`.
    """
    clips = training_clips(cfg, kinds)
    batch = cfg.SOLVER.IMS_PER_BATCH
    if cfg.SOLVER.ACCUMULATE < 1 or batch % cfg.SOLVER.ACCUMULATE:
        raise ConfigError(
            f"SOLVER.ACCUMULATE is {cfg.SOLVER.ACCUMULATE}, expected a divisor of "
            f"SOLVER.IMS_PER_BATCH {batch}"
        )
    mapper = SEDMapper(cfg, is_train=True)
    order = (max(cfg.SEED, 0), start_iter * batch)
    if cfg.DATALOADER.WEAK_PER_BATCH:
        dataset, sampler = _mixed(cfg, clips, kinds, order)
    else:
        seconds = cfg.INPUT.SEQUENCE.FRAMES * mapper.log_mel.seconds_per_frame
        dataset = SequenceDataset(clips, seconds) if seconds else EpochDataset(clips)
        sampler = ResumableSampler(len(dataset), *order)
    return build_detection_train_loader(
        dataset,
        mapper=mapper,
        sampler=sampler,
        total_batch_size=batch // cfg.SOLVER.ACCUMULATE,
        aspect_ratio_grouping=False,
        num_workers=cfg.DATALOADER.NUM_WORKERS,
        collate_fn=Batch,
    )


def _mixed(cfg, clips: list, kinds: LabelKinds, order: tuple) -> tuple[MixedDataset, MixedSampler]:
    """Weak and strong clips in each batch; ``order``: seed, and samples that came before."""
    weak = cfg.DATALOADER.WEAK_PER_BATCH
    if "unlabelled" in kinds.learned:
        raise ConfigError(
            f"DATALOADER.WEAK_PER_BATCH is {weak}, expected 0: a batch of weak and strong clips "
            "would leave out the unlabelled ones"
        )
    parts = list(of_kinds(clips).values())
    sizes = [len(part) for part in parts]
    pattern = kind_pattern(weak, cfg.SOLVER.IMS_PER_BATCH, *sizes)
    return MixedDataset(parts), MixedSampler(sizes, pattern, *order)


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
        collate_fn=Batch,
    )
