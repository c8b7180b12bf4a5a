"""Datasets by name -> batches of mapped clips, for training and for inference."""
import itertools

from detectron2.data import DatasetCatalog, MetadataCatalog, get_detection_dataset_dicts
from detectron2.data import build_detection_test_loader, build_detection_train_loader
from detectron2.data.samplers import TrainingSampler
from torch.utils.data import Dataset

from audiodet.data.mapper import SEDMapper
from audiodet.errors import ConfigError, DataError


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
        known = ", ".join(_sound_datasets())
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


def _sound_datasets():
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


def load_dataset_dicts(names, labels, kinds=("strong", "weak", "unlabelled")) -> list:
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
                f"dataset {name!r} has {'/'.join(sorted(found))} labels, this model trains on "
                f"{' or '.join(kinds)} ones"
            )
    return get_detection_dataset_dicts(views, filter_empty=False)


class EpochDataset(Dataset):
    """Clips by running number: number n is clip n % size, drawn for the (n // size)-th time.

    The running number seeds the clip's crop and augmentation, so the data of iteration i do not
    depend on the number of workers or on where a training was interrupted.
    """

    def __init__(self, clips):
        self.clips = clips

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, number: int) -> dict:
        return {**self.clips[number % len(self.clips)], "draw": number}


class ResumableSampler(TrainingSampler):
    """detectron2's infinite shuffle, started at the ``start``-th sample of all ranks."""

    def __init__(self, size: int, seed: int, start: int = 0):
        super().__init__(size, seed=seed)
        self._start = start

    def __iter__(self):
        stream = (
            position // self._size * self._size + index
            for position, index in enumerate(self._infinite_indices())
        )
        yield from itertools.islice(stream, self._start + self._rank, None, self._world_size)


def label_kinds(cfg) -> tuple:
    """Kinds of labels that the configured system can learn from."""
    clip_level = cfg.MODEL.META_ARCHITECTURE == "SequenceTagger" and cfg.MODEL.TAGGER.LOSS == "clip"
    return ("strong", "weak") if clip_level else ("strong",)


def build_train_loader(cfg, start_iter: int = 0):
    """Endless batches of ``SOLVER.IMS_PER_BATCH`` mapped training clips, from an iteration on.

    Raises:
        ConfigError: no dataset to train on.
    """
    if not cfg.DATASETS.TRAIN:
        raise ConfigError("DATASETS.TRAIN is empty, expected the name of a registered dataset")
    clips = load_dataset_dicts(cfg.DATASETS.TRAIN, cfg.DATASETS.LABELS, label_kinds(cfg))
    start = start_iter * cfg.SOLVER.IMS_PER_BATCH
    return build_detection_train_loader(
        EpochDataset(clips),
        mapper=SEDMapper(cfg, is_train=True),
        sampler=ResumableSampler(len(clips), max(cfg.SEED, 0), start),
        total_batch_size=cfg.SOLVER.IMS_PER_BATCH,
        aspect_ratio_grouping=False,
        num_workers=cfg.DATALOADER.NUM_WORKERS,
    )


def build_test_loader(cfg, name: str):
    """Batches of ``TEST.BATCH_SIZE`` mapped clips of one dataset, each clip once."""
    return build_detection_test_loader(
        load_dataset_dicts([name], cfg.DATASETS.LABELS),
        mapper=SEDMapper(cfg, is_train=False),
        batch_size=cfg.TEST.BATCH_SIZE,
        num_workers=cfg.DATALOADER.NUM_WORKERS,
    )
