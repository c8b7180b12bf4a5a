"""Box voting over the candidates of several members."""

import pytest

from audiodet.errors import ConfigError
from audiodet.events import Event
from audiodet.voting import Voting

EXACT = {"iou": 0.5, "nms": 0.3, "margin": 0.0}


def test_by_hand():
    first = [Event(1.0, 3.0, "dog", 0.8), Event(8.0, 9.0, "dog", 0.5), Event(1.0, 3.0, "cat", 0.9)]
    second = [Event(1.4, 3.0, "dog", 0.4), Event(1.0, 2.6, "dog", 0.2)]
    found = Voting((1.0, 3.0), **EXACT).join([first, second])
    # dog at 1 s: the second's best of two that overlap; (0.8 + 3 * 0.4) / 4 = 0.5, and its onset is
    # (1.0 * 0.8 + 1.4 * 1.2) / 2.0. The others are the first's alone: a quarter of its score.
    assert [event.label for event in found] == ["dog", "cat", "dog"]
    assert [event.score for event in found] == pytest.approx([0.5, 0.225, 0.125])
    assert found[0][:2] == pytest.approx((1.24, 3.0))
    assert found[2][:2] == pytest.approx((8.0, 9.0))


def test_one_member_alone_and_none_at_all():
    events = [Event(5.0, 7.0, "dog", 0.9, 100.0, 900.0), Event(1.0, 2.0, "dog", 0.3)]
    assert Voting(**EXACT).join([events]) == events
    assert Voting(**EXACT).join([events, events]) == events  # who agrees changes nothing
    assert Voting(**EXACT).join([[], []]) == []


def test_overlapping_ones_are_one_event():
    crowd = [Event(t, t + 2.0, "dog", 0.5 + t / 10) for t in (0.0, 0.4, 0.8)]
    (event,) = Voting(**EXACT).join([crowd])
    assert event.score == pytest.approx(0.58)
    # A member is as sure as its best candidate there: more of them do not push an event up.
    assert event[:2] == pytest.approx((0.8, 2.8))


def test_a_label_has_weights_of_its_own():
    dog, cat = Event(1.0, 2.0, "dog", 0.6), Event(4.0, 5.0, "cat", 0.6)
    voting = Voting(({"dog": 1.0, "cat": 0.0}, {"dog": 2.0, "cat": 1.0}), **EXACT)
    (found,) = voting.join([[dog, cat], []])  # a member of weight 0 is not heard
    assert (found.label, found.score) == ("dog", pytest.approx(0.2))


def test_a_margin_joins_what_lies_side_by_side():
    coarse, fine = [Event(1.0, 1.1, "shot", 0.8)], [Event(1.12, 1.2, "shot", 0.6)]
    assert len(Voting(**EXACT).join([coarse, fine])) == 2
    (event,) = Voting(**{**EXACT, "margin": 0.2}).join([coarse, fine])
    assert event.score == pytest.approx(0.7)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"iou": 0.0}, "iou is 0.0, expected above 0, at most 1"),
        ({"nms": 1.5}, "nms is 1.5, expected above 0, at most 1"),
        ({"margin": -1.0}, "margin is -1.0 s, expected 0 or more"),
        ({"weights": (1.0, 2.0)}, "2 weights, expected 1, one a member"),
        ({"weights": (0.0,)}, r"weights \[0.0\] for 'dog', expected none below 0 and one above"),
    ],
)
def test_what_cannot_vote(options, message):
    with pytest.raises(ConfigError, match=message):
        Voting(**options).join([[Event(0.0, 1.0, "dog", 0.5)]])


def test_a_candidate_that_is_gone_has_no_vote_for_another():
    """The second overlaps the first, which wins; the third overlaps the second alone."""
    first, second, third = Event(0, 2, "dog", 0.9), Event(1, 3, "dog", 0.8), Event(2, 4, "dog", 0.1)
    found = Voting(iou=0.3, nms=0.3, margin=0.0).join([[first, second, third]])
    assert found == [first, third]
