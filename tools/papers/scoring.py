"""What every benchmark offers to the engine: how a row is scored, and two rows compared."""

from papers.runs import Options
from papers.tables import Row, Table


class Scoring:
    """Scores the rows of one table.

    Attributes:
        trains: whether rows have trainings.
        opts: settings of every training on the benchmark; {fold} stands for its fold.
        metric: what a claim is judged by; of ER less is better.
        interval: of differences, in words.
        bootstrap: resamples that an interval is of.
    """

    trains = True
    opts = {}
    metric = "F1"
    interval = "by clip"
    bootstrap = 1000

    def __init__(self, table: Table, options: Options):
        self.table = table
        self.options = options

    def scores(self, row: Row) -> dict:
        """{group: what :meth:`figures` and :meth:`difference` take}; {} leaves the row out."""
        raise NotImplementedError

    def figures(self, row: Row, group: str, scores) -> dict | list[dict]:
        """{metric: value} of one group, or such of each training."""
        return scores

    def difference(self, a, b) -> dict[str, tuple]:
        """{metric: (a - b, low, high)} with 95 % intervals; {} where nothing is compared."""
        raise NotImplementedError

    def extras(self, scores: dict) -> dict:
        """Print and return what the table asks for beside its rows; scores are {label: scores}."""
        return {}
