"""Cells of a table: figures with their intervals, as a data file's columns ask for them.

A column is a text with figures in braces, "{group/metric:format}"; without a group the metric is
the line's own. The format is Python's, and after a space the interval that is wanted: "clip" or
"source", as in "{quiet/ER:.2f source} / {quiet/F1:.1f}".
"""

import math
import string
from collections.abc import Mapping, Sequence

import numpy as np
from tabulate import tabulate

UNITS = {"clip": "", "source": "-source"}


class Cells(string.Formatter):
    """Fills columns with a row's figures.

    Args:
        figures: {group: {metric: value}, or a list of such of several trainings; or name: value}.
        group: where a metric without a group is looked for first.
    """

    def __init__(self, figures: Mapping, group: str | None = None):
        self.figures = figures
        self.group = group

    def look_up(self, name: str) -> tuple[Mapping | Sequence[Mapping], str]:
        """ "group/metric" or "metric" -> where the figure is, and its name there."""
        group, _, metric = name.rpartition("/")
        if not group and metric in self.figures:
            return self.figures, metric
        return self.figures.get(group or self.group, {}), metric

    def get_field(self, field_name, args, kwargs):
        return self.look_up(field_name), field_name

    def format_field(self, value, format_spec):
        return cell(*value, format_spec)


def cell(figures: Mapping | Sequence[Mapping], metric: str, spec: str) -> str:
    """A figure, with an interval where one is wanted and known; "n/a" where there is no figure.

    Of several trainings mean and deviation; of a list all values.
    """
    number, _, unit = spec.partition(" ")
    if isinstance(figures, Sequence):
        values = [each[metric] for each in figures]
        if len(values) > 1 and not np.isnan(values).any():
            return f"{np.mean(values):{number}} ± {np.std(values, ddof=1):{number}}"
        figures = figures[0]
    value = figures.get(metric)
    if isinstance(value, list):
        return ", ".join(f"{each:{number}}" for each in value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "n/a"
    text = f"{value:{number}}"
    if not unit:
        return text
    low, high = (figures.get(f"{metric}{UNITS[unit]}-{end}") for end in ("low", "high"))
    if low is None or high is None or math.isnan(low) or math.isnan(high) or low == high:
        return text
    return f"{text} [{low:{number}}, {high:{number}}]"


def signed(difference: Sequence[float], digits: int) -> str:
    """(difference, low, high) as text with signs."""
    value, low, high = (f"{x:+.{digits}f}" for x in difference)
    return f"{value} [{low}, {high}]"


def verdict(low: float, high: float) -> str:
    """What an interval of a difference says of the claim that it is positive; NaN: nothing."""
    if low > 0:
        return "confirmed"
    if high < 0:
        return "contradicted"
    return "not shown"


def print_table(title: str, rows: Sequence, headers: Sequence[str]) -> None:
    """A table for a page."""
    print(f"\n{title}\n")
    print(tabulate(rows, headers, tablefmt="github", disable_numparse=True))
