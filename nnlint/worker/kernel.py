"""Ask the Linux kernel (Landlock) to refuse writes to this process and all that it starts, native code included.

Unprivileged and irrevocable. Where the kernel has no Landlock, or forbids it, nothing happens: the audit hook stays.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_NO_NEW_PRIVILEGES = 38
_PATH_BENEATH = 1

_WRITE_FILE = 1 << 1
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE = sum(1 << bit for bit in range(6, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_ON_FILES = _WRITE_FILE | _TRUNCATE


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def forbid_writes(allowed: Iterable[str]) -> bool:
    """Refuse writes everywhere but in `allowed` (files or folders). Return whether the kernel took it on."""
    if not sys.platform.startswith("linux") or platform.machine() not in ("x86_64", "aarch64"):
        return False
    try:
        return _forbid(allowed)
    except (OSError, AttributeError):
        return False


def _forbid(allowed: Iterable[str]) -> bool:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    version = call(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    handled = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE
    if version >= 2:
        handled |= _REFER
    if version >= 3:
        handled |= _TRUNCATE
    ruleset = _Ruleset(handled)
    descriptor = call(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(ctypes.sizeof(ruleset)), 0)
    if descriptor < 0:
        return False
    try:
        for path in allowed:
            target = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                rights = handled if os.path.isdir(path) else handled & _ON_FILES
                rule = _PathBeneath(rights, target)
                call(_ADD_RULE, descriptor, _PATH_BENEATH, ctypes.byref(rule), 0)
            finally:
                os.close(target)
        ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(call(_RESTRICT_SELF, descriptor, 0) == 0)
    finally:
        os.close(descriptor)
