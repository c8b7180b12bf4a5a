"""``python -m audiodet.cli``."""

import sys

from audiodet.cli import main

sys.exit(main())
