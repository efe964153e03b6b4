"""``python -m image_search``."""

import sys

from image_search.cli import main

if __name__ == "__main__":
    sys.exit(main())
