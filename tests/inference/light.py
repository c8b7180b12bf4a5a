"""A process like one of a light installation: the packages of the extra "train" do not import."""

from audiodet.cli.doctor import TRAINING

BLOCKED = ("detectron2.config", "PIL", "yacs", *TRAINING)
START = f"""
import sys
for name in {BLOCKED}:
    sys.modules[name] = None  # its import fails as that of a package that is not there
from audiodet.cli import main
sys.exit(main(sys.argv[1:]))
"""
