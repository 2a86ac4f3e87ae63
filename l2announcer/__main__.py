"""`python -m l2announcer`, the same as the command."""

import sys

from l2announcer.cli import main

sys.exit(main(sys.argv[1:]))
