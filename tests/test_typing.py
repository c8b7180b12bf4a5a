"""Public functions say their types: audiodet ships py.typed."""

import inspect
from pathlib import Path

import pytest

import audiodet
from audiodet import Detector, events, model_zoo


def public(holder) -> list:
    """Public functions of a module or class, written in audiodet."""
    found = []
    for name, value in vars(holder).items():
        function = getattr(value, "__func__", value)  # of a class method
        written_here = getattr(function, "__module__", "").startswith("audiodet")
        if name.startswith("_") and name != "__init__" or not written_here:
            continue
        if isinstance(value, property):
            function = value.fget
        if inspect.isfunction(function):
            found.append(function)
        elif inspect.isclass(function) and holder is events:
            found += public(function)
    return found


FUNCTIONS = [audiodet.get_cfg, *public(Detector), *public(model_zoo), *public(events)]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__qualname__)
def test_a_public_function_has_types(function):
    signature = inspect.signature(function)
    parameters = [p for name, p in signature.parameters.items() if name not in ("self", "cls")]
    untyped = [p.name for p in parameters if p.annotation is inspect.Parameter.empty]
    assert untyped == []
    if function.__name__ != "__init__":
        assert signature.return_annotation is not inspect.Signature.empty


def test_they_are_found():
    names = {function.__qualname__ for function in FUNCTIONS}
    assert {"get_cfg", "get", "export", "decide", "Detector.detect", "Detector.__init__"} <= names


def test_py_typed_ships():
    package = Path(audiodet.__file__).parent
    assert (package / "py.typed").is_file()
    assert '"py.typed"' in (package.parent / "setup.py").read_text(encoding="utf-8")
