"""Runs of the script: from the store where they were made before, else in the worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .store import Store, key_of
from .trials import Answer, Request, Trials


class Runs:
    """Trials with a memory. `recalled` counts those that were not run again."""

    def __init__(self, trials: Trials, store: Store) -> None:
        self.trials, self.store = trials, store
        self.recalled = self.trained = 0

    def run(self, requests: Sequence[Request], scouts: Sequence[Mapping[str, object]]) -> Iterator[tuple[int, Answer]]:
        """Yield (place in `requests`, answer) as they come; `scouts` are the answers to the scouts of each request."""
        scratch = str(self.trials.scratch)
        keys = [key_of(request, scout, scratch) for request, scout in zip(requests, scouts, strict=True)]
        missing = []
        for place, key in enumerate(keys):
            known = self.store.get(key)
            if known is None:
                missing.append(place)
            else:
                self.recalled += 1
                yield place, known
        for index, answer in self.trials.run([requests[place] for place in missing]):
            self.trained += 1
            self.store.put(keys[missing[index]], answer)
            yield missing[index], answer
