"""`advise(model, ...)`: the same inspection and the same rules on a live model, in this process."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import PrivateAttr, ValidationError

from .catalogue import chosen_rules
from .checking import check_facts
from .configuration import load
from .facts import Facts, Recipe
from .pipeline import without_repeats
from .render import Form, error_lines, render
from .report import Report, ReportedFinding
from .reporting import Sources
from .settings import Goal, Settings, ShownLevel

if TYPE_CHECKING:
    from .live_study import Confirmed, Objects, SuggestedRate

Task = Literal["binary", "multiclass", "multilabel", "regression"]


class ModelReport(Report):
    """What nnlint says about a model. Printing it reads like the command line; a notebook shows it as HTML.

    `findings` holds all levels; `print` shows those of `level` and above.
    """

    _model: Any = PrivateAttr(default=None)
    _settings: Settings = PrivateAttr(default_factory=Settings)
    _given: dict[str, Any] = PrivateAttr(default_factory=dict)

    def fix(self, *, unsafe: bool = True) -> Any:
        """Return a deep copy of the model with the fixes of the findings shown; the model itself stays as it is.

        `unsafe=False` leaves out those that change what the model computes. What can only be changed in the source
        (a loss, an optimizer, a call inside `forward`) is named in a warning.
        """
        from .worker.live import CannotApplyLive, apply_live

        allowed = ("safe", "unsafe") if unsafe else ("safe",)
        done: list[dict[str, Any]] = []
        changed = apply_live(self._model, done)
        for finding in self.shown(self._settings.level):
            reason = ""
            for fix in (fix.origin for fix in finding.fixes if fix.origin and fix.origin.safety in allowed):
                verbs = [verb.as_data() for verb in fix.verbs]
                try:
                    changed = apply_live(self._model, [*done, *verbs])
                except CannotApplyLive as error:
                    reason = reason or f"{fix.title}: {error.reason}"
                else:
                    done += verbs
                    break
            else:
                if reason:
                    warnings.warn(f"not applied: {finding.rule}: {reason}", stacklevel=2)
        return changed

    def confirm(
        self,
        data: Any = None,
        *,
        seeds: int = 16,
        budget: float = 300.0,
        epochs: int = 20,
        batch_size: int = 32,
        best_rate: bool = True,
    ) -> Confirmed:
        """Train the model as it is and with each fix that can be made in memory, and say what each is worth.

        `data` is what `advise` takes; what was given there is used where it is left out. The loss is that of
        `advise(loss=...)`, the optimizer too (Adam at 1e-3 without). The objects stay as they are. A fix that only
        changes the source (of a loss, of a loop) is "not confirmed", with the reason. `best_rate=False` leaves out the
        verdict with each side at its best rate. Raises ValueError where the model cannot be trained at all.
        """
        from . import live_study

        objects = self._objects(data, epochs, batch_size)
        return live_study.confirm(
            objects, self.shown(self._settings.level), seeds=seeds, budget=budget, best_rate=best_rate
        )

    def learning_rate(self, data: Any = None, *, seeds: int = 5, batch_size: int = 32) -> SuggestedRate:
        """Return what the range test suggests for this model on these data. Raises ValueError as `confirm` does."""
        from . import live_study

        return live_study.learning_rate(self._objects(data, 5, batch_size), seeds)

    def _objects(self, data: Any, epochs: int, batch_size: int) -> Objects:
        from .live_study import Objects

        given = self._given
        rows = given.get("data") if data is None else data
        return Objects(self._model, rows, given.get("loss"), given.get("optimizer"), epochs, batch_size)

    def __str__(self) -> str:
        text = render(self, self._settings, Form()).rstrip("\n")
        return "\n".join([*filter(None, [text]), *error_lines(self)])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.findings)} findings>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from .render.html import fragment

        return {"text/plain": str(self), "text/html": fragment(self, self._settings)}


def advise(
    model: Any,
    *,
    inputs: Any = None,
    data: Any = None,
    loss: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    recipe: Recipe | Mapping[str, Any] | None = None,
    task: Task | None = None,
    goal: Goal | None = None,
    level: ShownLevel | None = None,
) -> ModelReport:
    """Check a model as it stands in memory, and say what is wrong with it and with how it is to be trained.

    Args:
        model: The `torch.nn.Module`, or a Trainer of Lightning or Hugging Face that holds one. Its parameters, buffers,
            modes, gradients and the random state stay as they are.
        inputs: What `forward` gets: a tensor, a tuple of tensors, a dict of keyword arguments, or shapes to draw
            (`"2x1x28x28"`, `["8x16:int64[0,100)"]`). Guessed where it is not given.
        data: A `DataLoader`, a `Dataset` (also of Hugging Face), or a pair of tensors, arrays or frames (inputs,
            targets). A bounded sample is read.
        loss: A loss module or function, called as `loss(output, target)`.
        optimizer: The optimizer with the model's parameters. It is read, never stepped.
        scheduler: The learning-rate scheduler, read alone.
        recipe: What else is known, as a `Recipe` or a dict (`{"epochs": 10, "batch_size": 32}`).
        task: What the model is for, where data and loss do not tell.
        goal: What matters most; decides what the experiments propose. The configuration's, where it is not given.
        level: The weakest findings that printing shows; `warning` by default.

    Raises:
        TypeError: An argument is not what it should be.
        ValueError: A shape or a recipe cannot be understood, or the configuration has a mistake.
    """
    from .source.construction import constructions
    from .worker.job import describe_object
    from .worker.trainers import unpack

    whole = unpack(model)
    _check_arguments(whole.model, loss, optimizer, task, goal)
    settings = _settings(level, goal)
    given = {"inputs": inputs, "data": data, "loss": loss, "optimizer": optimizer, "scheduler": scheduler}
    described = describe_object(
        model, **given, target=type(whole.model).__name__, path=_home(whole.model), read=constructions
    )
    facts = Facts.model_validate(described)
    if recipe is not None:
        facts = facts.model_copy(update={"recipe": _joined(facts.recipe, recipe)})
    sources = Sources()
    checked = without_repeats(check_facts(facts, chosen_rules(settings), settings, sources))
    findings = tuple(_with_live_fixes(finding, whole.model) for finding in checked.findings)
    report = ModelReport(
        **{name: getattr(checked, name) for name in Report.model_fields}
        | {"findings": findings, "sources": sources.texts()}
    )
    report._model, report._settings, report._given = whole.model, settings, given
    return report


def _with_live_fixes(finding: ReportedFinding, model: Any) -> ReportedFinding:
    """Say of a fix that has no place in a source whether `report.fix()` can make it."""
    from .worker.live import CannotApplyLive, apply_live

    fixes = []
    for fix in finding.fixes:
        if fix.obstacle and fix.origin is not None:
            try:
                apply_live(model, [verb.as_data() for verb in fix.origin.verbs])
            except CannotApplyLive:
                pass
            else:
                changes = "; ".join(filter(None, (fix.changes, "`report.fix()` returns a copy with it")))
                fix = fix.model_copy(update={"obstacle": "", "safety": fix.origin.safety, "changes": changes})
        fixes.append(fix)
    return finding.model_copy(update={"fixes": tuple(fixes)})


def _check_arguments(model: Any, loss: Any, optimizer: Any, task: Any, goal: Any) -> None:
    torch = sys.modules.get("torch")
    module = torch.nn.Module if torch is not None else ()
    if isinstance(model, type) and torch is not None and issubclass(model, module):
        raise TypeError(f"advise() takes a model, not its class: write advise({model.__name__}(...))")
    if not isinstance(model, module):
        raise TypeError(f"advise() takes a torch.nn.Module, not {_kind(model)}")
    if isinstance(loss, type) or not (loss is None or callable(loss)):
        raise TypeError(f"loss is called as loss(output, target): a loss module or a function, not {_kind(loss)}")
    if optimizer is not None and not hasattr(optimizer, "param_groups"):
        raise TypeError(f"optimizer is a torch.optim.Optimizer, not {_kind(optimizer)}")
    for name, value, known in (("task", task, get_args(Task)), ("goal", goal, get_args(Goal))):
        if value is not None and value not in known:
            raise ValueError(f"{name} {value!r} is none of {', '.join(known)}")


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _settings(level: ShownLevel | None, goal: Goal | None) -> Settings:
    from .settings import ConfigurationError

    if level is not None and level not in get_args(ShownLevel):
        raise ValueError(f"level {level!r} is none of {', '.join(get_args(ShownLevel))}")
    try:
        settings = load(Path.cwd())
    except ConfigurationError as error:
        place = f"{error.path}:{error.line}: " if error.path else ""
        raise ValueError(f"{place}{error.message}" + (f" ({error.help})" if error.help else "")) from error
    said = {name: value for name, value in (("level", level), ("goal", goal)) if value is not None}
    return settings.model_copy(update=said)


def _joined(seen: Recipe | None, said: Recipe | Mapping[str, Any]) -> Recipe:
    """Return what was read off the objects, with what the caller says on top."""
    if not isinstance(said, (Recipe, Mapping)):
        raise TypeError(f"recipe is a Recipe or a dict, not {_kind(said)}")
    values = said.model_dump(exclude_unset=True) if isinstance(said, Recipe) else dict(said)
    try:
        Recipe.model_validate(values)
        return Recipe.model_validate({**(seen.model_dump() if seen is not None else {}), **values})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        known = ", ".join(Recipe.model_fields)
        if first["type"] == "extra_forbidden":
            raise ValueError(f"a recipe has no {name!r}; it has {known}") from error
        raise ValueError(f"recipe: {name}: {first['msg'].lower()}") from error


def _home(model: Any) -> str | None:
    """Return the file of the model's class where it is the user's own."""
    if type(model).__module__.partition(".")[0] == "torch":
        return None
    try:
        return inspect.getsourcefile(type(model))
    except TypeError:  # defined in a session without a file
        return None
