"""Cached log-mels: the same arrays, never of another file or front end, never half of one."""

import multiprocessing
import os
import time
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
import torch

from audiodet.config import get_cfg
from audiodet.data.cache import FeatureCache
from audiodet.data.mapper import SEDMapper
from audiodet.data.mixing.recipes import Background, Recipe

FRONT_END = {"hop": 256}


@pytest.fixture
def clip(tmp_path) -> dict:
    path = str(tmp_path / "a.wav")
    sf.write(path, np.random.default_rng(0).normal(0, 0.1, 16000), 16000)
    return {"file_name": path, "image_id": 0, "height": 1, "width": 1.0, "annotations": []}


def mapper(tmp_path, cached=True, is_train=False, **opts):
    cfg = get_cfg()
    cfg.INPUT.AUDIO.SAMPLE_RATE = 16000
    cfg.INPUT.SPECTROGRAM.N_FFT, cfg.INPUT.SPECTROGRAM.HOP = 512, 256
    cfg.INPUT.SPEC_AUGMENT.TIME_MASKS, cfg.INPUT.SPEC_AUGMENT.GAIN_DB = 1, 6.0
    cfg.INPUT.CACHE_DIR = str(tmp_path / "cache") if cached else ""
    for key, value in opts.items():
        cfg.merge_from_list([f"INPUT.SPECTROGRAM.{key}", value])
    return SEDMapper(cfg, is_train)


def files(tmp_path):
    return sorted(tmp_path.glob("cache/*/*"))


@pytest.mark.parametrize("is_train", [False, True])
def test_cache_changes_nothing(is_train, clip, tmp_path):
    """Three times each: a stored array must not keep the augmentation of its first use."""
    with_cache = mapper(tmp_path, True, is_train)
    without = mapper(tmp_path, False, is_train)
    for draw in (0, 1, 0):
        found, expected = (m({**clip, "draw": draw})["image"] for m in (with_cache, without))
        assert torch.equal(found, expected)
    assert len(files(tmp_path)) == 1


def test_second_look_reads_no_audio(clip, tmp_path, monkeypatch):
    first = mapper(tmp_path)(clip)["image"]
    monkeypatch.setattr(SEDMapper, "waveform", None)
    assert torch.equal(mapper(tmp_path)(clip)["image"], first)


def test_a_changed_file_is_computed_again(clip, tmp_path):
    """Same name, same size, other samples."""
    before = mapper(tmp_path)(clip)["image"]
    size = os.path.getsize(clip["file_name"])
    time.sleep(0.01)  # file times are coarse
    sf.write(clip["file_name"], np.random.default_rng(1).normal(0, 0.1, 16000), 16000)
    assert os.path.getsize(clip["file_name"]) == size
    after = mapper(tmp_path)(clip)["image"]
    assert not torch.equal(before, after)
    assert torch.equal(after, mapper(tmp_path, cached=False)(clip)["image"])


@pytest.mark.parametrize("key, value", [("HOP", 128), ("N_MELS", 32), ("FLOOR", 1e-3)])
def test_another_front_end_has_its_own_arrays(key, value, clip, tmp_path):
    mapper(tmp_path)(clip)
    found = mapper(tmp_path, **{key: value})(clip)["image"]
    assert torch.equal(found, mapper(tmp_path, False, **{key: value})(clip)["image"])
    assert len(files(tmp_path)) == 2


def test_what_follows_the_cache_shares_arrays(clip, tmp_path):
    mapper(tmp_path)(clip)
    mapper(tmp_path, NORMALIZE="clip", NORMALIZE_CLIPS=3)(clip)
    assert len(files(tmp_path)) == 1


def test_recipes_are_told_apart(tmp_path):
    cache = FeatureCache(str(tmp_path), FRONT_END)
    recipe = Recipe("a.wav", 2.5, Background("bg.wav", 0.5, (), "room"), None, 0.0, 1)
    clips = [
        {"recipe": recipe, "soundbank": "bank"},
        {"recipe": replace(recipe, seed=2), "soundbank": "bank"},
        {"recipe": recipe, "soundbank": "other"},
    ]
    assert len({cache.path(clip) for clip in clips}) == 3
    same = {"recipe": replace(recipe), "soundbank": "bank", "image_id": 9}
    assert cache.path(same) == cache.path(clips[0])
    # What was stored before recipes were dataclasses is found again.
    assert cache.path(clips[0]).name == "7af7b2867e6b0a926941d763b6729583e7972bc7.npy"


def test_failure_leaves_nothing(clip, tmp_path, monkeypatch):
    cache = FeatureCache(str(tmp_path / "cache"), FRONT_END)

    def fail(path, array):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", fail)
        with pytest.raises(OSError):
            cache.get(clip, lambda: np.ones(3))
    assert files(tmp_path) == []
    assert cache.get(clip, lambda: np.ones(3)).tolist() == [1, 1, 1]


def _get(cache, clip, barrier, number):
    def compute():
        barrier.wait(10)  # all are late together
        return np.full(200_000, number)

    for _ in range(2):
        array = cache.get(clip, compute)
        assert array.shape == (200_000,) and len(np.unique(array)) == 1


def test_processes_that_write_at_once(clip, tmp_path):
    """Each gets a whole array, the first time and the second; one file stays."""
    cache = FeatureCache(str(tmp_path / "cache"), FRONT_END)
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    workers = [context.Process(target=_get, args=(cache, clip, barrier, i)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0] * 4
    (path,) = files(tmp_path)
    assert len(np.unique(np.load(path))) == 1
