"""Trials, as many at a time as there are workers, through joblib: on this machine, or on a cluster.

Here (`processes`) one worker has imported torch and forks a child for each trial; joblib's threads wait for the
children. With another backend each of joblib's processes has such a worker of its own (`nodes.py`). Whichever it is: a
trial that crashes, diverges or hangs is an answer with a reason, and the same request gives the same answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args

from . import nodes
from .forks import Answer, Forks, Request, TrialsFailed

__all__ = ["BACKENDS", "Answer", "Backend", "Request", "Trials", "TrialsFailed"]

Backend = Literal["processes", "loky", "dask", "ray"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
_NEEDS = {"dask": "distributed", "ray": "ray"}


class Trials:
    """Where trials run. A context manager: on leaving, all that still runs is ended, or the cluster let go.

    `address` is that of a cluster (`tcp://host:8786` of a Dask scheduler, `auto` or `host:6379` for Ray); without one,
    `dask` and `ray` start a cluster on this machine.
    """

    def __init__(
        self,
        python: Path,
        *,
        workers: int = 2,
        allow_network: bool = False,
        backend: Backend = "processes",
        address: str | None = None,
    ) -> None:
        self.python, self.workers, self.allow_network = python, workers, allow_network
        self.backend, self.address = backend, address
        self._here = Forks(python, allow_network=allow_network)
        self._libraries: tuple[str, ...] = ()
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Trials:
        self._open.enter_context(self._here)
        try:
            if self.backend in _NEEDS:
                self._open.enter_context(_cluster(self.backend, self.address, self.workers))
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def scratch(self) -> Path:
        """The only folder that a trial here may write to; it goes when this closes."""
        return self._here.scratch

    def preload(self, names: Sequence[str]) -> None:
        """Import libraries in the workers before they fork, so that no trial has to."""
        self._libraries = tuple(names)
        self._here.preload(names)

    def run(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        """Yield (place in `requests`, answer) as the answers come. Raises TrialsFailed where the worker has ended."""
        import joblib

        if not requests:
            return
        here = self.backend == "processes"
        call = self._ask if here else self._sent
        work = (joblib.delayed(call)(place, r) for place, r in enumerate(requests))
        with joblib.parallel_config("threading" if here else self.backend):
            # Ray's backend gives nothing before all is done.
            how = "list" if self.backend == "ray" else "generator_unordered"
            jobs = min(self.workers, len(requests))
            yield from joblib.Parallel(n_jobs=jobs, return_as=how, batch_size=1, pre_dispatch="all")(work)

    def _ask(self, place: int, request: Request) -> tuple[int, Answer]:
        return place, self._here.ask(request)

    @property
    def _sent(self) -> Any:
        """The call that another process makes: nothing of this object goes with it."""
        return _Sent((str(self.python), self.allow_network), self._libraries)


class _Sent:
    """`nodes.ask` with its first arguments, small enough to be sent anywhere."""

    def __init__(self, setup: nodes.Setup, libraries: tuple[str, ...]) -> None:
        self.setup, self.libraries = setup, libraries

    def __call__(self, place: int, request: Request) -> tuple[int, Answer]:
        return nodes.ask(self.setup, self.libraries, place, request)


@contextlib.contextmanager
def _cluster(backend: str, address: str | None, workers: int) -> Iterator[None]:
    """Be connected to a cluster. Raises TrialsFailed where its library is missing or nobody answers."""
    try:
        connected = _dask(address, workers) if backend == "dask" else _ray(address, workers)
    except ImportError as error:
        raise TrialsFailed(f"--backend {backend} needs {_NEEDS[backend]}: pip install {_NEEDS[backend]}") from error
    except (OSError, ConnectionError, TimeoutError, ValueError) as error:
        raise TrialsFailed(f"no {backend} cluster at {address}: {error}") from error
    try:
        yield
    finally:
        connected()


def _dask(address: str | None, workers: int) -> Any:
    from distributed import Client, LocalCluster

    if address is not None:
        return Client(address, timeout=30).close
    local = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
    client = Client(local)

    def close() -> None:
        client.close()
        local.close()

    return close


def _ray(address: str | None, workers: int) -> Any:
    import ray
    from ray.util.joblib import register_ray

    begun = not ray.is_initialized()
    if begun and address is None:
        ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    elif begun:
        ray.init(address=address, log_to_driver=False)
    register_ray()
    return ray.shutdown if begun else (lambda: None)
