"""`python -m nnlint`."""

import os
import sys

# Python puts the working directory first: a `copy.py` of the user's there would stand before the standard library's.
if sys.path and os.path.abspath(sys.path[0]) == os.getcwd():
    del sys.path[0]

from .cli import main

if __name__ == "__main__":
    main()
