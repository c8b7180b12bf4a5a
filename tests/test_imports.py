"""The folder tree is the data's path: imports go one way."""

import ast
import subprocess
import sys
from pathlib import Path

import audiodet

PACKAGE = Path(audiodet.__file__).parent


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, known: set):
    """audiodet modules that a file imports when it is imported itself."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        found |= {name for name in names if name in known}
    return found


def test_no_import_cycle():
    files = {module_name(path): path for path in PACKAGE.rglob("*.py")}
    edges = {name: imports(path, set(files)) - {name} for name, path in files.items()}
    edges["audiodet"] = set()  # imports nothing of itself but the alias
    done, path = set(), []

    def visit(name):
        assert name not in path, f"import cycle: {' -> '.join([*path, name])}"
        if name not in done:
            path.append(name)
            for other in edges[name]:
                visit(other)
            done.add(path.pop())

    for name in edges:
        visit(name)
    assert len(done) == len(files)


def test_layers_import_downwards_only():
    order = [
        "errors",
        "config",
        "files",
        "weights",
        "audio",
        "data",
        "modeling",
        "evaluation",
        "engine",
        "model_zoo",
        "inference",
        "visualization",
        "experiments",
        "benchmarks",
    ]
    rank = {name: i for i, name in enumerate(order)}
    files = {module_name(path): path for path in PACKAGE.rglob("*.py")}
    for name, path in files.items():
        own = rank.get(name.split(".")[1]) if "." in name else None
        for other in imports(path, set(files)):
            theirs = rank.get(other.split(".")[1]) if "." in other else None
            if own is not None and theirs is not None:
                assert theirs <= own, f"{name} imports {other}, which stands above it"


def test_importing_audiodet_imports_nothing_heavy():
    heavy = ("torch", "librosa", "matplotlib", "numpy", "sed_eval", "detectron2")
    code = f"import audiodet, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
