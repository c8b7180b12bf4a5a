"""Kinds of torture, each a function that gives a :class:`tortures.result.Result`."""
