"""``python -m strongpose``: the command line, where its script is not on the PATH."""

import sys

from strongpose.cli import main

sys.exit(main())
