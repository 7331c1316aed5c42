#!/usr/bin/env bash
# What `make demo` shows: a real training script that does not learn, what nnlint says, the fix, and what the fix is worth.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
nnlint="$PWD/${1:-.venv/bin/nnlint}"

show() {
    printf '\n$ nnlint %s\n\n' "$*"
    # 1 means findings, which is what is shown here; anything else is a failure.
    "$nnlint" "$@" || { status=$?; [ "$status" -eq 1 ] || exit "$status"; }
}

show examples/digits.py
show examples/digits.py --diff --unsafe-fixes
show confirm examples/digits.py
