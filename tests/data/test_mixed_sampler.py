"""Weak and strong clips in a set ratio, whatever the workers, processes and interruptions."""

import itertools

import pytest

from audiodet.data.samplers import MixedDataset, MixedSampler, ResumableSampler, kind_pattern


def numbers(sizes, pattern, seed=3, start=0, rank=0, world=1, count=60):
    sampler = MixedSampler(sizes, pattern, seed, start)
    sampler._rank, sampler._world_size = rank, world
    return list(itertools.islice(sampler, count))


def test_the_weak_places_of_a_batch_are_spread_evenly():
    assert kind_pattern(1, 4, 9, 9) == [1, 1, 1, 0]
    assert kind_pattern(2, 4, 9, 9) == [1, 0, 1, 0]
    for weak, batch in [(7, 16), (1, 2), (5, 6)]:
        pattern = kind_pattern(weak, batch, 9, 9)
        assert len(pattern) == batch and pattern.count(0) == weak


def test_every_batch_holds_the_ratio_and_every_pass_is_a_shuffle():
    pattern = kind_pattern(2, 5, 4, 7)
    stream = numbers((4, 7), pattern, count=140)
    for batch in range(28):
        kinds = [n % 2 for n in stream[5 * batch : 5 * batch + 5]]
        assert kinds.count(0) == 2
    for kind, size in enumerate((4, 7)):
        own = [n // 2 for n in stream if n % 2 == kind]
        shuffle = ResumableSampler(size, 3 + kind)
        assert own == list(itertools.islice(shuffle, len(own)))
        for p in range(len(own) // size):
            assert sorted(own[p * size : p * size + size]) == list(range(p * size, p * size + size))
    assert len(set(stream)) == len(stream)


@pytest.mark.parametrize("start", [0, 6, 12, 36])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_a_later_start_is_the_tail_of_the_stream(start, world):
    pattern, share = kind_pattern(3, 6, 4, 7), 6 // world
    ranks = [numbers((4, 7), pattern, start=start, rank=rank, world=world) for rank in range(world)]
    turns = [[rank[i : i + share] for rank in ranks] for i in range(0, 60, share)]
    joined = [number for turn in turns for part in turn for number in part]
    assert joined == numbers((4, 7), pattern, count=start + len(joined))[start:]
    for turn in turns:  # of every process, in every batch
        assert all({number % 2 for number in part} == {0, 1} for part in turn)


def test_number_names_kind_clip_and_draw():
    dataset = MixedDataset([[{"image_id": 10}, {"image_id": 11}], [{"image_id": 20}]])
    assert len(dataset) == 3
    assert [dataset[n] for n in (0, 2, 4, 6, 1, 3)] == [
        {"image_id": i, "draw": n}
        for i, n in [(10, 0), (11, 2), (10, 4), (11, 6), (20, 1), (20, 3)]
    ]
