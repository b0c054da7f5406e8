"""``python -m tokengrove``: the command line."""

import sys

from tokengrove.cli import main

sys.exit(main())
