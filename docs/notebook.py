"""Run the example notebook and keep what its cells really give.

python docs/notebook.py            run it and save the outputs
python docs/notebook.py --check    run it and say whether the saved text is current (exit status 1 where it is not)
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

NOTEBOOK = Path(__file__).resolve().parent.parent / "examples" / "advise.ipynb"


def run(notebook: nbformat.NotebookNode) -> None:
    """Execute the cells in order, in a fresh interpreter state, and put their outputs in. Exits at the first error."""
    shell = InteractiveShell.instance()
    shell.reset()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, 1):
        with capture_output() as captured:
            result = shell.run_cell(cell.source, store_history=False)
        if not result.success:
            sys.exit(f"cell {number} of {NOTEBOOK.name} failed: {result.error_before_exec or result.error_in_exec!r}")
        cell.execution_count = number
        cell.outputs = _outputs(captured, result.result, shell, number)


def _outputs(captured: Any, value: object, shell: InteractiveShell, number: int) -> list[nbformat.NotebookNode]:
    text = captured.stdout.split("\nOut[")[0] if value is not None else captured.stdout
    text = "" if value is not None and text.startswith("Out[") else text
    outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)] if text else []
    if value is not None:
        data, metadata = shell.display_formatter.format(value)
        outputs.append(nbformat.v4.new_output("execute_result", data=data, metadata=metadata, execution_count=number))
    return outputs


def words(notebook: nbformat.NotebookNode) -> list[str]:
    """The lines of text that a reader of the notebook sees as output."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs).splitlines()


def main() -> int:
    """Run the notebook; save it, or compare."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    saved = words(notebook)
    run(notebook)
    nbformat.validate(notebook)
    if "--check" in sys.argv:
        print("\n".join(difflib.unified_diff(saved, words(notebook), "saved", "now", lineterm="")) or "current")
        return int(saved != words(notebook))
    nbformat.write(notebook, NOTEBOOK)
    return 0


if __name__ == "__main__":
    sys.exit(main())
