"""How long the reader takes over sources that nobody wrote by hand: `python bench/reading.py`.

Prints lines and seconds of processor time for each. Exits with 1 where one takes more than ten seconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from nnlint.source import SourceError, outline

LIMIT = 10.0
HEAD = "import torch\nfrom torch import nn\nm = nn.Linear(2, 2)\no = torch.optim.SGD(m.parameters(), 0.1)\n"
TURN = "    l = nn.functional.mse_loss(m(x), y)\n    o.zero_grad()\n    l.backward()\n    o.step()\n"
OWN = "def t{0}(d):\n    m = nn.Linear(2, 2)\n    o = torch.optim.SGD(m.parameters(), 0.1)\n"
OWN += "    for x, y in d:\n{1}t{0}(d)\n"
SOURCES = {
    "functions": HEAD + "".join(f"def f{i}(x):\n    y = x + {i}\n    return y\n" for i in range(6_600)),
    "assignments": HEAD + "".join(f"a{i + 1} = a{i} + {i}\n" for i in range(20_000)),
    "a turn of branches": f"{HEAD}for x, y in d:\n"
    + "".join(f"    z = x + {i}\n    if z > 3:\n        print(z)\n" for i in range(6_600))
    + TURN,
    "trainings": HEAD + "".join(OWN.format(i, TURN.replace("    ", "        ")) for i in range(2_000)),
    "scoring": f"{HEAD}for x, y in d:\n{TURN}" + "m.eval()\nfor q in w:\n    print(m(q))\nm.train()\n" * 4_900,
    "loaders": "from torch.utils.data import DataLoader\n"
    + "".join(f"loader{i} = DataLoader(ds{i}, batch_size={i})\n" for i in range(20_000)),
    "one name": "x = 0\n" + "".join(f"x = x + {i}\n" for i in range(20_000)),
    "a dictionary": "d = {" + ",\n".join(f"'k{i}': {i}" for i in range(20_000)) + "}\n",
}


def main() -> int:
    """Read each source once."""
    slowest = 0.0
    for name, text in SOURCES.items():
        start = time.process_time()
        try:
            outline(Path("train.py"), text)
        except SourceError as error:
            name = f"{name} ({error.message})"
        seconds = time.process_time() - start
        slowest = max(slowest, seconds)
        print(f"{name:24} {text.count(chr(10)):6} lines {seconds:6.2f} s")
    return int(slowest > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
