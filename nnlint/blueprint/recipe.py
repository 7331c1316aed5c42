"""The lines that choose loss, optimizer and schedule, and those that train."""

from __future__ import annotations

from .lines import Lines, arguments
from .schema import Blueprint, Optimizer
from .source import Source

LOSSES = {
    "cross_entropy": "CrossEntropyLoss", "nll": "NLLLoss", "bce": "BCELoss", "bce_with_logits": "BCEWithLogitsLoss",
    "mse": "MSELoss", "l1": "L1Loss", "smooth_l1": "SmoothL1Loss", "huber": "HuberLoss",
}  # fmt: skip
OPTIMIZERS = {
    "sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "nadam": "NAdam", "radam": "RAdam", "adamax": "Adamax",
    "rmsprop": "RMSprop", "adagrad": "Adagrad", "adadelta": "Adadelta",
}  # fmt: skip
_BINARY = ("bce", "bce_with_logits")


def units_of(blueprint: Blueprint, source: Source) -> int:
    """Return how many values the model gives for a row."""
    return 1 if not source.classes or (source.classes == 2 and blueprint.loss in _BINARY) else source.classes


def write_targets(lines: Lines, blueprint: Blueprint, source: Source) -> None:
    """Write the line that turns `labels` into what the loss compares with."""
    key = ("loss",)
    if not source.classes:
        lines.add("targets = labels.unsqueeze(1)", key)
        if blueprint.data.standardize_target:
            scale = "targets = (targets - targets[train].mean()) / targets[train].std()"
            lines.add(scale, ("data", "standardize_target"))
    elif blueprint.loss in ("cross_entropy", "nll"):
        lines.add("targets = labels", key)
    elif units_of(blueprint, source) == 1:
        lines.add("targets = labels.float().unsqueeze(1)", key)
    else:
        lines.add(f"targets = nn.functional.one_hot(labels, {source.classes}).float()", key)


def write_recipe(lines: Lines, blueprint: Blueprint, better: str) -> None:
    """Write the lines that bind `loss_fn`, `optimizer`, `loader` and, where there is one, `scheduler`.

    `better` says which score is the better one, "max" or "min".
    """
    lines.add(f"\nloss_fn = nn.{LOSSES[blueprint.loss]}()", ("loss",))
    given = blueprint.optimizer
    lines.call(
        f"optimizer = torch.optim.{OPTIMIZERS[given.kind]}", ["model.parameters()", *_options(given)], ("optimizer",)
    )
    lines.call("loader = DataLoader", [
        "TensorDataset(inputs[train], targets[train])", f"batch_size={blueprint.batch_size}",
        "shuffle=True" if blueprint.shuffle else "",
        f"drop_last=len(train) % {blueprint.batch_size} == 1" if _normalizes(blueprint) else "",
    ], ("batch_size",))  # fmt: skip
    _schedule(lines, blueprint, better)


def _options(given: Optimizer) -> list[str]:
    return arguments({
        "lr": given.rate, "momentum": given.momentum, "nesterov": given.nesterov or None, "betas": given.betas,
        "weight_decay": given.weight_decay,
    })  # fmt: skip


def _normalizes(blueprint: Blueprint) -> bool:
    """Whether a batch of one row could not be trained on."""
    return getattr(blueprint.model, "normalization", "none") == "batch"


def _schedule(lines: Lines, blueprint: Blueprint, better: str) -> None:
    given, key = blueprint.schedule, ("schedule",)
    if given.kind == "constant":
        return
    rate = 'optimizer.param_groups[0]["lr"]' if blueprint.optimizer.rate is None else repr(blueprint.optimizer.rate)
    made = {
        "step": ("StepLR", [f"step_size={given.every or 10}", f"gamma={given.factor or 0.1}"]),
        "exponential": ("ExponentialLR", [f"gamma={given.factor or 0.95}"]),
        "plateau": (
            "ReduceLROnPlateau",
            [f'mode="{better}"', f"factor={given.factor or 0.1}", f"patience={given.patience or 10}"],
        ),
        "1cycle": ("OneCycleLR", [f"max_lr={rate}", f"epochs={blueprint.epochs}", "steps_per_epoch=len(loader)"]),
        "cosine": ("CosineAnnealingLR", [f"T_max={blueprint.epochs}"]),
    }[given.kind]
    name, options = made
    if given.kind == "1cycle" and blueprint.optimizer.kind in ("adagrad", "adadelta"):
        options = [*options, "cycle_momentum=False"]  # there is none
    lines.call(f"scheduler = torch.optim.lr_scheduler.{name}", ["optimizer", *options], key)


def write_loop(lines: Lines, blueprint: Blueprint, source: Source) -> None:
    """Write the function that scores, and the loop that trains."""
    _evaluate(lines, blueprint, source)
    better = ">" if source.classes else "<"
    word = "accuracy" if source.classes else "error"
    key = ("early_stopping",)
    stops = blueprint.early_stopping
    if blueprint.swa is not None:
        lines.add("averaged = torch.optim.swa_utils.AveragedModel(model)", ("swa",))
    if stops is not None:
        lines.add(f'best, best_weights, waited = float("{"-" if source.classes else ""}inf"), None, 0', key)
    lines.add(f"for epoch in range({blueprint.epochs}):", ("epochs",))
    lines.add("model.train()\ntotal = 0.0\nfor x, y in loader:", (), 1)
    lines.add("optimizer.zero_grad()\nloss = loss_fn(model(x), y)\nloss.backward()", (), 2)
    if blueprint.clip is not None:
        norm, value = blueprint.clip.norm, blueprint.clip.value
        text = (
            f"clip_grad_norm_(model.parameters(), {norm})" if norm else f"clip_grad_value_(model.parameters(), {value})"
        )
        lines.add(f"nn.utils.{text}", ("clip",), 2)
    lines.add("optimizer.step()", ("optimizer",), 2)
    if blueprint.schedule.kind == "1cycle":
        lines.add("scheduler.step()", ("schedule",), 2)
    lines.add("total += loss.item() * len(x)", (), 2)
    lines.add("if not math.isfinite(total):", (), 1)
    lines.add('sys.exit(f"diverged in epoch {epoch + 1}: the loss is no number any more")', (), 2)
    if blueprint.swa is not None:
        start = blueprint.swa.start
        lines.add(f"if epoch + 1 >= {start}:", ("swa",), 1)
        lines.add("averaged.update_parameters(model)", ("swa",), 2)
    lines.add("score = evaluate(model, validation)", (), 1)
    lines.add(f'print(f"epoch {{epoch + 1}} of {blueprint.epochs}: loss {{total / len(train):.6f}}, '
              f'validation {word} {{score:.6f}}", flush=True)', (), 1)  # fmt: skip
    if blueprint.schedule.kind in ("step", "exponential", "cosine"):
        lines.add("scheduler.step()", ("schedule",), 1)
    elif blueprint.schedule.kind == "plateau":
        lines.add("scheduler.step(score)", ("schedule",), 1)
    if stops is not None:
        lines.add(f"if score {better} best:", key, 1)
        lines.add("best, best_weights, waited = score, copy.deepcopy(model.state_dict()), 0", key, 2)
        lines.add("else:", key, 1)
        lines.add("waited += 1", key, 2)
        lines.add(f"if waited == {stops.patience}:", key, 2)
        lines.add("break", key, 3)
    _finish(lines, blueprint, word)


def _evaluate(lines: Lines, blueprint: Blueprint, source: Source) -> None:
    what = "share of right answers" if source.classes else "root mean square error in spreads of the target"
    lines.add(f'\n\ndef evaluate(net, rows):\n    """Return the {what}."""\n    net.eval()\n    with torch.no_grad():')
    lines.add("output = net(inputs[rows])", (), 2)
    if not source.classes:
        lines.add("return ((output - targets[rows]).square().mean().sqrt() / targets.std()).item()", (), 1)
    elif units_of(blueprint, source) == 1:
        limit = 0 if blueprint.loss == "bce_with_logits" and blueprint.model.output == "none" else 0.5
        lines.add(f"return ((output.squeeze(1) > {limit}).long() == labels[rows]).float().mean().item()", (), 1)
    else:
        lines.add("return (output.argmax(1) == labels[rows]).float().mean().item()", (), 1)
    lines.add("\n")


def _finish(lines: Lines, blueprint: Blueprint, word: str) -> None:
    """Write what is done with the weights at the end, and the score on untouched rows."""
    if blueprint.early_stopping is not None:
        lines.add("if best_weights is not None:", ("early_stopping",))
        lines.add("model.load_state_dict(best_weights)", ("early_stopping",), 1)
    tested = "model"
    if blueprint.swa is not None:
        lines.add("if averaged.n_averaged > 0:", ("swa",))
        lines.add("torch.optim.swa_utils.update_bn(loader, averaged)", ("swa",), 1)
        lines.add("tested = averaged if averaged.n_averaged > 0 else model", ("swa",))
        tested = "tested"
    lines.add(f'print(f"test {word} {{evaluate({tested}, test):.6f}} on {{len(test)}} untouched rows")')
