"""`python nnlint/worker JOBFILE`: run one job and write its result to the file that the job names."""

import sys

# Python puts this very folder first on the path, where our `profile.py` would stand before the standard library's.
_HERE = sys.path.pop(0)

import importlib.util  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402


def main() -> None:
    """Load this folder as a package under a private name and run the job."""
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    spec = importlib.util.spec_from_file_location(
        "nnlint_worker", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["nnlint_worker"] = package
    spec.loader.exec_module(package)
    importlib.import_module("nnlint_worker." + job.get("part", "job")).work(job)


if __name__ == "__main__":
    main()
