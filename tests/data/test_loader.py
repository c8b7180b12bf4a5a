"""Which clip comes when, with which labels, for any number of workers, ranks and interruptions."""

import itertools

import pytest
import torch
from detectron2.data import DatasetCatalog, MetadataCatalog, build as d2_build
from detectron2.data import samplers as d2_samplers
from detectron2.utils import comm

from audiodet.data.label_kinds import LabelKinds
from audiodet.data.loader import (
    build_test_loader,
    build_train_loader,
    dataset_view,
    load_dataset_dicts,
    training_clips,
)
from audiodet.data.samplers import EpochDataset, ResumableSampler
from audiodet.engine.trainer import Trainer
from audiodet.errors import ConfigError, DataError
from audiodet.modeling.model import label_kinds
from tests.tiny import tiny_config, write_tiny_data


@pytest.fixture(scope="module")
def tiny_data(tmp_path_factory):
    return write_tiny_data(tmp_path_factory.mktemp("loader") / "tiny_loader")


@pytest.fixture
def register():
    """Registers dicts under a name; names and their views are free again afterwards."""
    before = set(DatasetCatalog)

    def add(name, clips, labels):
        DatasetCatalog.register(name, lambda: clips)
        MetadataCatalog.get(name).set(thing_classes=labels, evaluator_type="sed")
        return name

    yield add
    for name in set(DatasetCatalog) - before:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def numbers(size, seed, start=0, rank=0, world=1, count=40):
    sampler = ResumableSampler(size, seed, start)
    sampler._rank, sampler._world_size = rank, world
    return list(itertools.islice(sampler, count))


def test_every_pass_is_a_shuffle_of_all_clips_numbered_on():
    """Pass p holds the numbers p * size ... (p + 1) * size - 1, each once."""
    stream = numbers(7, seed=3, count=35)
    for p in range(5):
        assert sorted(stream[7 * p : 7 * p + 7]) == list(range(7 * p, 7 * p + 7))
    orders = [[n % 7 for n in stream[7 * p : 7 * p + 7]] for p in range(5)]
    assert len({tuple(order) for order in orders}) == 5
    assert [n % 7 for n in stream] == list(  # the order is detectron2's
        itertools.islice(d2_samplers.TrainingSampler(7, seed=3)._infinite_indices(), 35)
    )
    assert numbers(7, seed=4) != numbers(7, seed=3)


@pytest.mark.parametrize("start", [0, 1, 6, 7, 20])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_a_later_start_is_the_tail_of_the_stream(start, world):
    """The ranks in turn give the one stream from its start-th number on."""
    ranks = [numbers(7, 3, start, rank, world) for rank in range(world)]
    joined = [number for turn in zip(*ranks) for number in turn]
    assert joined == numbers(7, 3, count=start + len(joined))[start:]


def test_number_names_clip_and_draw():
    clips = [{"image_id": 10}, {"image_id": 11}, {"image_id": 12}]
    dataset = EpochDataset(clips)
    assert len(dataset) == 3
    assert [dataset[n] for n in (0, 4, 300)] == [
        {"image_id": 10, "draw": 0},
        {"image_id": 11, "draw": 4},
        {"image_id": 10, "draw": 300},
    ]
    assert clips[0] == {"image_id": 10}


def batches(cfg, count=5, start=0):
    loader = build_train_loader(cfg, start, label_kinds(cfg))
    return list(itertools.islice(loader, count))


def assert_same(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
        assert [clip["file_name"] for clip in ours] == [clip["file_name"] for clip in theirs]
        for a, b in zip(ours, theirs):
            assert torch.equal(a["image"], b["image"])
            assert torch.equal(a["instances"].gt_boxes.tensor, b["instances"].gt_boxes.tensor)


@pytest.fixture(scope="module")
def expected(tiny_data):
    """Five batches of two of six clips: the second pass starts in the fourth."""
    return batches(tiny_config(tiny_data))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_do_not_depend_on_workers_or_global_randomness(workers, tiny_data, expected):
    torch.manual_seed(workers)
    found = batches(tiny_config(tiny_data, "output", "DATALOADER.NUM_WORKERS", workers))
    assert_same(found, expected)
    names = [clip["file_name"] for batch in found for clip in batch]
    assert sorted(names[:6]) == [tiny_data.audio("train", i) for i in range(6)]
    again = names[:6].index(names[6])  # the same clip in the second pass is cropped anew
    assert not torch.equal(found[3][0]["image"], found[again // 2][again % 2]["image"])


@pytest.mark.parametrize("workers", [0, 1])
def test_start_at_an_iteration(workers, tiny_data, expected):
    cfg = tiny_config(tiny_data, "output", "DATALOADER.NUM_WORKERS", workers)
    assert_same(batches(cfg, 2, start=3), expected[3:])


def test_two_ranks_share_the_batches(tiny_data, expected, monkeypatch):
    cfg = tiny_config(tiny_data)
    monkeypatch.setattr(d2_build, "get_world_size", lambda: 2)
    monkeypatch.setattr(comm, "get_world_size", lambda: 2)
    ranks = []
    for rank in range(2):
        monkeypatch.setattr(comm, "get_rank", lambda rank=rank: rank)
        ranks.append(batches(cfg, 3, start=2))
    assert_same([[a, b] for (a,), (b,) in zip(*ranks)], expected[2:])


def test_test_loader_gives_every_clip_once_in_order(tiny_data):
    loader = build_test_loader(tiny_config(tiny_data), f"{tiny_data.name}_test")
    found = list(loader)
    assert [len(batch) for batch in found] == [2, 1]
    assert [clip["file_name"] for batch in found for clip in batch] == [
        tiny_data.audio("test", i) for i in range(3)
    ]
    assert {clip["image"].shape for batch in found for clip in batch} == {(1, 64, 126)}


def note(category) -> dict:
    return {"bbox": [0.0, 0.0, 1.0, 1.0], "bbox_mode": 0, "category_id": category, "iscrowd": 0}


CLIPS = [
    {"image_id": 0, "annotations": [note(0), note(1), note(2)]},
    {"image_id": 1, "annotations": [note(2)], "target": "cry"},
    {"image_id": 2, "annotations": [], "target": "shot"},
    {"image_id": 3, "annotations": [], "clip_labels": [0, 2], "label_kind": "weak"},
    {"image_id": 4, "annotations": [note(1)], "target": None},
]
OWN = ["cry", "glass", "shot"]


def view(name, labels):
    """[(image id, categories of events, clip labels)] of a view."""
    clips = DatasetCatalog.get(dataset_view(name, labels))
    return [
        (c["image_id"], [a["category_id"] for a in c["annotations"]], c.get("clip_labels"))
        for c in clips
    ]


def test_views_by_hand(register):
    name = register("toy_view", CLIPS, OWN)
    assert dataset_view(name, OWN) == dataset_view(name, tuple(OWN)) == name
    assert view(name, ["shot", "cry", "glass"]) == [
        (0, [1, 2, 0], None),
        (1, [0], None),
        (2, [], None),
        (3, [], [1, 0]),
        (4, [2], None),
    ]
    assert view(name, ["shot"]) == [(0, [0], None), (2, [], None), (3, [], [0]), (4, [], None)]
    assert view(name, ["bird", "cry"]) == [
        (0, [1], None),
        (1, [], None),
        (3, [], [1]),
        (4, [], None),
    ]
    assert MetadataCatalog.get(dataset_view(name, ["shot"])).thing_classes == ["shot"]
    assert MetadataCatalog.get(dataset_view(name, ["shot"])).evaluator_type == "sed"
    assert [a["category_id"] for a in CLIPS[0]["annotations"]] == [0, 1, 2]  # the original stays
    assert DatasetCatalog.get(name) is CLIPS


def test_views_that_cannot_be(register):
    name = register("toy_other", CLIPS, OWN)
    with pytest.raises(
        ConfigError,
        match=r"'toy_other' has the labels \['cry', 'glass', 'shot'\], "
        r"expected some of DATASETS.LABELS \['dog'\]",
    ):
        dataset_view(name, ["dog"])
    with pytest.raises(ConfigError, match="'toy_othr' is not registered, .* one of toy_other"):
        dataset_view("toy_othr", OWN)


def test_clips_of_several_datasets(register):
    first = register("toy_first", CLIPS[:1], OWN)
    second = register("toy_second", CLIPS[3:4], OWN)
    found = load_dataset_dicts([first, second], ["glass", "shot"])
    assert [clip["image_id"] for clip in found] == [0, 3]
    assert [a["category_id"] for a in found[0]["annotations"]] == [0, 1]


def test_empty_datasets(register, tiny_data):
    full = register("toy_full", CLIPS[1:2], OWN)
    empty = register("toy_empty", [], OWN)
    with pytest.raises(DataError, match="dataset 'toy_empty' has 0 clips"):
        load_dataset_dicts([full, empty], OWN)
    with pytest.raises(DataError, match="dataset 'toy_full' has 0 clips"):
        load_dataset_dicts([full], ["glass"])  # its only clip is scored for another label
    with pytest.raises(ConfigError, match="DATASETS.TRAIN is empty"):
        build_train_loader(tiny_config(tiny_data, "output", "DATASETS.TRAIN", "[]"))


def test_labels_must_be_of_a_kind_that_the_model_learns_from(register, tiny_data):
    """Clip labels: for the clip tagger only. Otherwise their clips would count as silent."""
    weak = {"file_name": tiny_data.audio("train", 0), "width": 2.0, **CLIPS[3]}
    clips = [{**weak, "clip_labels": [1]}, {**weak, "clip_labels": [0]}]
    name = register("toy_weak", clips, ["burst", "tone"])
    opts = ("DATASETS.TRAIN", f"['{name}']", "SOLVER.IMS_PER_BATCH", 1)
    tagger = ("MODEL.META_ARCHITECTURE", "SequenceTagger", "MODEL.TAGGER.LOSS")
    for more in ((), (*tagger, "frame")):
        with pytest.raises(DataError, match="dataset 'toy_weak' has weak labels, this model"):
            Trainer.build_train_loader(tiny_config(tiny_data, "output", *opts, *more))
    mapped = [
        clip for (clip,) in batches(tiny_config(tiny_data, "output", *opts, *tagger, "clip"), 2)
    ]
    assert sorted(clip["clip_labels"].tolist() for clip in mapped) == [[0, 1], [1, 0]]
    assert all(clip["image"].shape[-1] == 94 for clip in mapped)


def test_a_system_that_learns_from_unlabelled_clips_gets_them(register, tiny_data):
    """None of today's does; one that ignores them is refused nothing and gets the others."""
    strong = {**CLIPS[0], "file_name": tiny_data.audio("train", 0), "width": 2.0}
    box = {"bbox": [0.5, 0.0, 1.0, 1.0], "bbox_mode": 0, "iscrowd": 0}
    strong["annotations"] = [{**box, "category_id": k} for k in (0, 1)]
    silent = {**strong, "annotations": [], "label_kind": "unlabelled"}
    name = register("toy_unlabelled", [strong, silent], ["burst", "tone"])
    opts = ("DATASETS.TRAIN", f"['{name}']", "SOLVER.IMS_PER_BATCH", 2)
    cfg = tiny_config(tiny_data, "output", *opts)
    with pytest.raises(DataError, match="strong/unlabelled labels, this model learns from strong"):
        training_clips(cfg)
    assert len(training_clips(cfg, LabelKinds(ignored=("unlabelled",)))) == 1
    both = LabelKinds(("strong", "unlabelled"))
    assert len(training_clips(cfg, both)) == 2
    loader = build_train_loader(cfg, kinds=both)
    assert sorted(clip.get("label_kind", "strong") for clip in next(iter(loader))) == [
        "strong",
        "unlabelled",
    ]
    mixed = tiny_config(tiny_data, "output", *opts, "DATALOADER.WEAK_PER_BATCH", 1)
    with pytest.raises(ConfigError, match="WEAK_PER_BATCH is 1, expected 0: .* leave out the unl"):
        build_train_loader(mixed, kinds=both)
