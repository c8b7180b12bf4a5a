"""The folder tree is the data's path: imports go one way, those inside functions too."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import audiodet

PACKAGE = Path(audiodet.__file__).parent

# From the bottom up. A module may import from its own row and from rows above it in this list, at
# its top, inside a function and under TYPE_CHECKING. The longest name that fits decides.
ROWS = (
    ("_detectron2", "_pkg_resources", "_screen", "config", "errors", "files", "names", "weights"),
    ("events",),
    ("audio", "matching", "postprocessing", "voting"),
    ("data.labels", "data.label_kinds"),
    ("data.mixing",),
    ("data", "data.datasets"),
    ("data.loader",),
    ("modeling",),
    ("evaluation",),
    ("engine",),  # the trainer evaluates
    ("visualization.clip_plot", "visualization.panels"),  # a detection draws itself
    ("inference",),
    ("visualization",),
    ("export", "model_zoo"),
    ("training",),
    ("doctor", "cli"),
)
# Whoever has a configuration expects the systems in detectron2's registry: config imports them by
# name, in a function, and uses nothing of them.
EXCEPTIONS = {("audiodet.config", "audiodet.modeling")}
RANKS = {f"audiodet.{name}": rank for rank, row in enumerate(ROWS) for name in row}


def module_name(path: Path, package: Path = PACKAGE) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def rank_of(module: str) -> int | None:
    """Row of a module; None where no row names it or a package that it lies in."""
    while module not in RANKS and "." in module:
        module = module.rpartition(".")[0]
    return RANKS.get(module)


def named_by(node: ast.AST, package: str, known: dict) -> list[str]:
    """Full names that a node imports; ``package`` is where its file lies.

    ``from package import module`` needs the module; of the package only that it has begun.
    """
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*above, node.module or ""]).strip(".") if node.level else node.module
        names = [f"{base}.{alias.name}" for alias in node.names]
        return names if all(name in known for name in names) else [base, *names]
    if isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
        return [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
    return []


def imports(path: Path, known: dict, package: Path = PACKAGE, everywhere: bool = True) -> set:
    """audiodet modules that a file imports, in functions too or (not everywhere) when imported."""
    name = module_name(path, package)
    home = name if path.name == "__init__.py" else name.rpartition(".")[0]
    body = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(body) if everywhere else body.body
    names = {imported for node in nodes for imported in named_by(node, home, known)}
    return {other for other in names if other in known} - {name}


def all_files(package: Path = PACKAGE) -> dict:
    return {module_name(path, package): path for path in package.rglob("*.py")}


def upward_imports(package: Path = PACKAGE) -> list[str]:
    """What breaks the rule, a line each; files without a rank among it."""
    files = all_files(package)
    lines = []
    for name, path in sorted(files.items()):
        if name == "audiodet":  # the face: what it gives by name it imports when asked
            continue
        rank = rank_of(name)
        if rank is None:
            lines.append(f"{name} stands in no row")
            continue
        for other in sorted(imports(path, files, package)):
            if other == "audiodet" or (name, other) in EXCEPTIONS:
                continue
            if rank_of(other) is not None and rank_of(other) > rank:
                lines.append(f"{name} imports {other}, which stands above it")
    return lines


def test_no_import_cycle():
    files = all_files()
    edges = {name: imports(path, files, everywhere=False) for name, path in files.items()}
    done, path = set(), []

    def visit(name):
        assert name not in path, f"import cycle: {' -> '.join([*path, name])}"
        if name not in done:
            path.append(name)
            for other in edges[name]:
                if other != "audiodet":
                    visit(other)
            done.add(path.pop())

    for name in edges:
        visit(name)
    assert len(done) == len(files)


def test_imports_go_downwards_only():
    assert upward_imports() == []


def test_importing_audiodet_itself_reaches_only_the_stand_ins():
    files = all_files()
    at_the_top = imports(PACKAGE / "__init__.py", files, everywhere=False)
    assert {name.rpartition(".")[2][0] for name in at_the_top} == {"_"}


BROKEN = {
    "at the top": ("data/labels/bad.py", "from audiodet.inference import detector\n"),
    "in a method": (
        "modeling/bad.py",
        "class A:\n    def f(self):\n        import audiodet.engine.trainer\n",
    ),
    "for types": (
        "evaluation/bad.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from audiodet import cli\n",
    ),
    "relative": ("audio/bad.py", "def f():\n    from ..data import loader\n"),
    "by its name": (
        "audio/bad.py",
        "import importlib\nx = importlib.import_module('audiodet.data.loader')\n",
    ),
    "not ranked": ("newroom.py", ""),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_upward_import_is_seen(case, tmp_path):
    """Each way to break the rule, in a copy of the tree's files, is one line of the finding."""
    copy = tmp_path / "audiodet"
    for path in PACKAGE.rglob("*.py"):
        target = copy / path.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    place, code = BROKEN[case]
    (copy / place).write_text(code)
    found = set(upward_imports(copy)) - set(upward_imports())
    assert found
    name = "audiodet." + place.removesuffix(".py").replace("/", ".")
    assert all(line.startswith(name) for line in found)


def test_importing_audiodet_imports_nothing_heavy():
    heavy = ("torch", "librosa", "matplotlib", "numpy", "sed_eval", "detectron2")
    code = f"import audiodet, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_pkg_resources_stands_in_where_setuptools_has_none():
    code = """
import sys, warnings
import audiodet
class Hidden:
    def __init__(self, genuine):
        self.genuine = genuine
    def find_spec(self, name, path=None, target=None):
        return None if name == "pkg_resources" else self.genuine.find_spec(name, path, target)
*others, stand_in = sys.meta_path
sys.meta_path[:] = [*map(Hidden, others), stand_in]
warnings.simplefilter("error", UserWarning)
import pkg_resources, pytest, sed_eval
from detectron2 import model_zoo
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend("a folder")  # asks pkg_resources once it is imported
assert not hasattr(pkg_resources, "WorkingSet")
print(model_zoo.get_config_file("COCO-Detection/retinanet_R_50_FPN_1x.yaml"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_file()
