"""The same screen for every test: 100 columns, and one thread for torch."""

import os

# pytest's readline sets a width of its own behind Python's back, for child processes alone.
os.environ |= {"COLUMNS": "100", "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
