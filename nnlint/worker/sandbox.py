"""Keep the user's code from changing anything: files outside the scratch folder, the network, other programs.

Two layers. An audit hook sees every call of Python's own that opens, moves or deletes something, and knows the name to
tell the user. On Linux the kernel (Landlock) refuses the same to native code and to child processes.
An audit hook cannot be taken out again: this is for a process of its own, never for the user's.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import Any

import torch


class Refused(BaseException):
    """The user's code tried to change something. No Exception, so that an `except Exception` does not swallow it."""

    def __init__(self, what: str, help: str) -> None:
        super().__init__(what)
        self.what, self.help = what, help


class NetworkBlocked(OSError):
    """Raised in the user's code where it reaches for the network; it may catch it and go on offline."""


_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_ONE_PATH = frozenset(
    {"os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod", "os.chown", "os.lchown", "os.utime",
     "os.setxattr", "os.removexattr", "shutil.rmtree", "shutil.make_archive"}
)  # fmt: skip
_TWO_PATHS = frozenset({"os.rename", "os.link", "os.symlink", "shutil.move"})
_PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile"})
_NETWORK = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind"})
_WATCHED = _ONE_PATH | _TWO_PATHS | _PROGRAMS | _NETWORK | {"open", "sqlite3.connect"}

_HARMLESS = frozenset(
    {"uname", "ldconfig", "gcc", "cc", "ld", "objdump", "lscpu", "nvidia-smi", "rocm-smi", "git", "which", "file",
     "sysctl", "getconf", "hostname", "sw_vers", "arch", "nproc", "dpkg", "lsb_release", "fc-list", "system_profiler"}
)  # fmt: skip
"""Programs that libraries ask about the machine; with Landlock they cannot write either."""
_LIBRARIES = (os.path.join(os.path.realpath(os.path.expanduser("~")), "."), os.path.realpath(sys.prefix) + os.sep)
"""Where libraries keep caches and settings: hidden folders of the user's home, the environment itself."""

_GIT_READS = frozenset({"rev-parse", "describe", "log", "status", "diff", "show", "branch", "config", "ls-files"})


class Sandbox:
    """While `on`, refuses what would change something. `refused` and `network` keep the first of each."""

    def __init__(self, scratch: str, allow_network: bool) -> None:
        self.on = False
        self.refused: Refused | None = None
        self.network: str | None = None
        self._allow_network = allow_network
        self._allowed = tuple(
            os.path.realpath(p) for p in (scratch, os.devnull, "/dev/tty", "/dev/shm", "/dev/stdout", "/dev/stderr")
        )

    def install(self, *, kernel: bool = True) -> None:
        """Put up both layers, for the rest of this process."""
        sys.addaudithook(self._hook)
        _torch_writes_by_python()
        if kernel:
            from .kernel import forbid_writes

            forbid_writes([p for p in self._allowed if os.path.exists(p)])

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if event not in _WATCHED or not self.on:
            return
        if event == "open":
            path, _, flags = args
            if isinstance(path, (str, bytes, os.PathLike)) and flags & _WRITES:
                self._check(path, -1)
        elif event in _ONE_PATH:
            if event == "os.mkdir" and os.path.isdir(args[0]):
                return  # fails by itself, or is what `exist_ok` is for
            self._check(args[0], _folder(event, args))
        elif event in _TWO_PATHS:
            self._check(args[0] if event in ("os.rename", "shutil.move") else args[1], -1)
            self._check(args[1], -1)
        elif event == "sqlite3.connect":
            if args[0] not in ("", ":memory:", b":memory:") and not os.path.exists(args[0]):
                self._check(args[0], -1)
        elif event in _PROGRAMS:
            self._check_program(event, args)
        elif not self._allow_network:
            self._check_network(event, args)

    def _check(self, path: Any, folder: int) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        name = os.fsdecode(path)
        if folder is not None and folder >= 0 and not os.path.isabs(name):
            try:
                name = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
            except OSError:
                return
        full = os.path.realpath(name)
        if any(full == allowed or full.startswith(allowed + os.sep) for allowed in self._allowed):
            return
        if full.startswith(_LIBRARIES):  # a library's cache: they all know how to do without
            raise PermissionError(errno.EACCES, "nnlint runs your code without letting it change files", full)
        self.refuse(f"writes to {_short(full)}", "nnlint runs your code without letting it change files")

    def _check_program(self, event: str, args: tuple[Any, ...]) -> None:
        words = args[1] if event != "os.system" and len(args) > 1 else args[0]
        if isinstance(words, (str, bytes)):
            words = os.fsdecode(words).split()
        line = [os.fsdecode(w) for w in words if isinstance(w, (str, bytes, os.PathLike))] if words else [""]
        program = os.path.basename(line[0]) if line else ""
        if program in ("sh", "bash") and len(line) > 2 and line[1] == "-c":
            line = line[2].split()
            program = os.path.basename(line[0]) if line else ""
        harmless = program in _HARMLESS or program.rstrip("0123456789.-") in _HARMLESS
        if harmless and (program != "git" or any(word in _GIT_READS for word in line)):
            return
        self.refuse(f"starts another program (`{program}`)", "nnlint runs your code without letting it start programs")

    def _check_network(self, event: str, args: tuple[Any, ...]) -> None:
        if event in ("socket.getaddrinfo", "socket.gethostbyname"):
            where = os.fsdecode(args[0]) if isinstance(args[0], (str, bytes)) else ""
            if event == "socket.getaddrinfo" and where in ("", "localhost", "127.0.0.1", "::1"):
                return
        else:
            if args[0].family == getattr(socket, "AF_UNIX", None):
                return
            address = args[1]
            where = str(address[0]) if isinstance(address, tuple) and address else str(address)
            if event == "socket.bind" and where in ("localhost", "127.0.0.1", "::1", ""):
                return
        self.network = self.network or where
        raise NetworkBlocked(f"nnlint runs your code without network (it asked for {where}): see --allow-network")

    def refuse(self, what: str, help: str) -> None:
        """End the run, now and at every later attempt."""
        self.refused = self.refused or Refused(what, help)
        raise Refused(what, help)


def _folder(event: str, args: tuple[Any, ...]) -> int:
    """Return the folder descriptor that a relative name belongs to, where the event tells one."""
    if event in ("os.remove", "os.rmdir", "shutil.rmtree"):
        found = args[-1]
    elif event in ("os.mkdir", "os.chmod"):
        found = args[2] if len(args) > 2 else -1
    else:
        found = -1
    return found if isinstance(found, int) else -1


def _short(path: str) -> str:
    """Return `path` as the user would write it: relative to the working directory where it lies in it."""
    here = os.path.realpath(os.getcwd())
    return os.path.relpath(path, here) if path.startswith(here + os.sep) else path


def _torch_writes_by_python() -> None:
    """Make `torch.save` announce its file: its native writer opens it without an audit event."""
    import builtins

    save = torch.save

    def announced(obj: Any, f: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(f, (str, os.PathLike)):
            builtins.open(f, "ab").close()
        return save(obj, f, *args, **kwargs)

    torch.save = announced
