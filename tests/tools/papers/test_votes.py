"""Rows that choose who votes: members of weight 0 stay out, and a fold has no say in its own."""

from dataclasses import replace

import pytest

from audiodet.voting import Voting
from papers.engine import reproduce
from papers.ensembles import join_folds
from papers.rare_mini import RareMini
from tests.tools.papers.conftest import table_of
from tests.tools.papers.finished import finish_rare

NAME, ROW = "pretrained-voting", "chosen"
RIGHT, WRONG = (0.9, 0.1), (0.6, 0.7)  # scores (in the event, in the empty clip)


@pytest.fixture
def heard(options, nothing_rendered):
    """R-CRNN's heads alone are right, so that 2 : 0 : 1 : 0 is wrong and 1 : 1 : 0 : 0 right."""
    options = replace(options, folds=(0, 1))
    table = table_of(NAME, options)
    for name, runs in table.trainings.items():
        for run in runs:
            finish_rare(run, RIGHT if name == "R-CRNN's heads" else WRONG)
    return options, table


def test_a_member_of_weight_0_is_left_out(heard):
    options, table = heard
    scoring = RareMini(table, options)
    (row,) = (row for row in table.rows if row.label == ROW)
    votes = scoring.votes(row)
    assert [tuple(map(int, x.split(" : "))) for x in votes] == list(
        map(tuple, row.spec["voting"]["weights"])
    )
    first, second = (scoring.test_clips(row, runs) for runs in row.members[:2])
    joined = join_folds([first, second], Voting((1, 1)))
    assert votes["1 : 1 : 0 : 0"] == joined
    assert len(scoring.candidates(row)) == len(votes) * len(row.spec["contrast"])


def test_each_fold_takes_who_is_right_on_the_other(heard, capsys):
    report = reproduce(NAME, heard[0])
    said = capsys.readouterr().out
    for fold in (0, 1, "all"):
        assert f"chosen, fold {fold}: 1 : 1 : 0 : 0 contrast 0.5, the best of the other" in said
    assert report[ROW]["quiet"]["ER"] == 0.0
