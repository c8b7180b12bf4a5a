"""``audiodet doctor``: what audiodet needs, what of it is here, and the command that adds the rest.

Only the standard library is imported at the top and nothing of audiodet, so that the report also
comes out where torch or detectron2 are missing: ``python audiodet/cli/doctor.py`` works even then.
"""

import importlib
import importlib.metadata
import importlib.util
import os
import sys
import warnings
from pathlib import Path

# Modules by the name they are imported by.
REQUIRED = "numpy soundfile soxr onnxruntime tqdm jinja2".split()
# Of the extra "train": without them exported models detect, and that is all.
TRAINING = (
    "torch torchvision onnx scipy pandas sklearn librosa yaml safetensors matplotlib tabulate "
    "pycocotools cv2 sed_eval tensorboard"
).split()
OPTIONAL = {
    "sed_scores_eval": "PSDS, F1-best and AUC of evaluations; needs g++",
    "pytest": "running the tests",
    "pyarrow": "audiodet detect --format parquet",
    "ray": "audiodet detect --ray",
    "playwright": "running the tests of pages, with apt install chromium",
}
# Names that modules are installed by, where it is another one.
PACKAGES = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "hydra": "hydra-core",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def add_parser(commands) -> None:
    """Add ``audiodet doctor``."""
    parser = commands.add_parser(
        "doctor",
        help="say what is installed and how to add the rest",
        description="Say what audiodet needs, what of it is here and works, and the command that "
        "adds the rest. Exit code 1 where a required part does not work.",
    )
    parser.set_defaults(run=lambda args: main())


def main() -> int:
    """Print the report; 0 when all required parts work, 1 otherwise."""
    warnings.simplefilter("ignore")  # deprecations inside the packages that are about to load
    importlib.import_module("audiodet")  # light; some of the packages need its pkg_resources
    print(f"Python {sys.version.split()[0]} ({sys.executable})")
    print("Required:")
    working = [_report(module) for module in REQUIRED]
    if importlib.util.find_spec("torch") is None and all(working):
        print("Training, and models that are not exported: not installed.")
        print("  Run: pip install 'audiodet[train]'")
    else:
        print("Training:")
        working += [_report(module) for module in TRAINING]
        working.append(_report_detectron2())
    print("Optional:")
    for module, use in OPTIONAL.items():
        _report(module, f" ({use})")
    print("Devices:")
    for line in _devices():
        print(f"  {line}")
    missing = working.count(False)
    print(f"{missing} required parts do not work." if missing else "All required parts work.")
    return 1 if missing else 0


def _report(name: str, use: str = "") -> bool:
    """Print a module's line; whether it can be imported."""
    package = PACKAGES.get(name, name)
    try:
        module = importlib.import_module(name)
    except Exception as error:  # a broken binary can raise anything, and that is the finding
        print(f"  {package}{use}: {_trouble(name, package, error)}")
        return False
    libsndfile = getattr(module, "__libsndfile_version__", "")
    extra = f", libsndfile {libsndfile}" if libsndfile else ""
    print(f"  {package} {_version(package)}{extra}{use}")
    return True


def _trouble(module: str, package: str, error: Exception) -> str:
    """What is wrong with a package that did not import, and the command that repairs it."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing == module:
        return f"missing. Run: pip install {package}"
    if missing:
        needed = missing.partition(".")[0]
        return f"broken, it needs {missing}. Run: pip install {PACKAGES.get(needed, needed)}"
    reason = (str(error).strip() or repr(error)).splitlines()[0]
    return f"broken ({reason}). Run: pip install --force-reinstall {package}"


def _report_detectron2() -> bool:
    """Print where detectron2 comes from; whether it works."""
    hint = "detectron2"
    try:
        from audiodet import _detectron2

        hint = _detectron2.INSTALL_HINT.removeprefix("pip install ")
        detectron2 = importlib.import_module("detectron2")
        importlib.import_module("detectron2.engine")
    except Exception as error:
        names_command = "Run: " in str(error)  # audiodet's own error does
        print(f"  detectron2: {error if names_command else _trouble('detectron2', hint, error)}")
        return False
    source = _detectron2.SOURCE
    carrier = f" in labgym {_version('labgym')}" if source == "labgym" else ""
    folder = os.path.dirname(detectron2.__file__)
    print(f"  detectron2 {detectron2.__version__} (source: {source}{carrier}, {folder})")
    return True


def _devices() -> list[str]:
    """Lines on the processors that torch can use."""
    try:
        import torch
    except Exception:
        return [f"CPU: {os.cpu_count()} cores, onnxruntime uses one for each recording's window"]
    lines = [f"CPU: {os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads"]
    for number in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(number)
        lines.append(f"cuda:{number}: {gpu.name}, {gpu.total_memory / 2**30:.0f} GiB")
    return lines if len(lines) > 1 else [*lines, "CUDA: none"]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(version unknown)"


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])  # where the package lies
    sys.exit(main())
