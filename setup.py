"""Packaging. Pinned versions are in requirements.txt; here stand the ranges that should work."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py


class BuildWithConfigs(build_py):
    """Puts configs/ beside the model zoo, as detectron2's own setup does; never into the tree."""

    def run(self):
        super().run()
        if not self.editable_mode:  # an editable installation finds them in the checkout
            target = Path(self.build_lib, "audiodet", "model_zoo", "configs")
            shutil.copytree("configs", target, dirs_exist_ok=True)


# Detecting with exported models, and the page of `audiodet report`: 200 MB, no compiler.
LIGHT = [
    "numpy",
    "soundfile>=0.12",
    "soxr",
    "onnxruntime>=1.17",
    "tqdm",
    "jinja2",
]
# All the rest: training, evaluating, exporting, any checkpoint, GPUs.
TRAIN = [
    "torch>=2.1",
    "torchvision",
    "onnx",
    "scipy",
    "pandas",
    "librosa>=0.10",
    "sed_eval>=0.2.1",
    "scikit-learn",
    "safetensors",
    "matplotlib",
    "opencv-python-headless",
    "tabulate",
    "pyyaml",
    # what detectron2 imports; its own source comes from a genuine installation or from
    # labgym (see audiodet/_detectron2.py), which must be installed without dependencies
    "fvcore",
    "iopath",
    "omegaconf",
    "hydra-core",
    "cloudpickle",
    "pycocotools",
    "termcolor",
    "yacs",
    "packaging",
    "Pillow",
    "tensorboard",
]
HOME = "https://github.com/audiodet/audiodet"

setup(
    name="audiodet",
    version="0.1.0",
    description="Sound event detection on detectron2 (shipped weights: non-commercial use only)",
    long_description=open("README.md", encoding="utf-8").read(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",  # of the code; the weights' is in the cards beside them
    license_files=["LICENSE"],
    url=HOME,
    project_urls={
        "Source": HOME,
        "Documentation": f"{HOME}/tree/main/docs",
        "Changelog": f"{HOME}/blob/main/CHANGELOG.md",
        "Licence of the weights": f"{HOME}/blob/main/audiodet/model_zoo/weights/rcrnn_rare.md",
    },
    keywords=["sound event detection", "audio", "detectron2", "DCASE", "bioacoustics"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Topic :: Multimedia :: Sound/Audio :: Analysis",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=find_packages(include=["audiodet", "audiodet.*"]),
    package_data={
        "audiodet": ["py.typed"],
        "audiodet.model_zoo": ["weights/*"],
        "audiodet.visualization.report": ["templates/*"],
    },
    cmdclass={"build_py": BuildWithConfigs},
    entry_points={"console_scripts": ["audiodet = audiodet.cli:main"]},
    install_requires=LIGHT,
    extras_require={
        "parquet": ["pyarrow"],  # audiodet detect --format parquet
        "psds": ["sed_scores_eval>=0.0.4"],  # the evaluator "scores"; needs a C++ compiler
        "ray": ["ray"],  # audiodet detect --ray
        "train": TRAIN,
        "test": [*TRAIN, "pytest", "pytest-xdist", "pyarrow", "ray", "ruff", "playwright"],
    },
)
