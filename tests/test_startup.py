"""Help, the list of rules and a rule's page come at once: nothing heavy is imported for them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "numpy", "scipy", "sklearn", "networkx", "libcst"}
SEES = """
import json, sys
from nnlint.cli import main
sys.argv = ["nnlint", *{arguments!r}]
try:
    main()
except SystemExit as ended:
    status = ended.code or 0
else:
    status = 0
print(json.dumps([status, sorted({{name.partition(".")[0] for name in sys.modules}})]))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["rules"], ["rule", "softmax-before-cross-entropy"]], ids=" ".join)
def test_nothing_heavy_is_imported(arguments: list[str]) -> None:
    command = [sys.executable, "-c", SEES.format(arguments=arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *said, last = done.stdout.splitlines()
    status, loaded = json.loads(last)
    assert status == 0
    assert said, "it said nothing"
    assert not HEAVY & set(loaded)
