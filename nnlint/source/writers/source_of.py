"""Where a value is written: a name followed to the one literal or class that it stands for."""

from __future__ import annotations

import libcst as cst

from .document import Document, last_name

LITERALS = (cst.Integer, cst.Float, cst.SimpleString)


def literal_source(doc: Document, expression: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the literal that alone gives `expression` its value, and gives nothing else its value; None else."""
    if is_literal(expression):
        return expression
    value = single_source(doc, expression)
    return value if value is not None and is_literal(value) else None


def is_literal(expression: cst.BaseExpression) -> bool:
    """Return whether an expression is a number, string, None, True, False, or a tuple or list of these."""
    if isinstance(expression, cst.UnaryOperation):
        return isinstance(expression.operator, (cst.Minus, cst.Plus)) and is_literal(expression.expression)
    if isinstance(expression, (cst.Tuple, cst.List)):
        return all(isinstance(e, cst.Element) and is_literal(e.value) for e in expression.elements)
    if isinstance(expression, cst.Name):
        return expression.value in ("None", "True", "False")
    return isinstance(expression, LITERALS)


def single_source(doc: Document, expression: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the expression to which a name or `args.lr` is bound, where it is bound once and read only here."""
    if isinstance(expression, cst.Attribute):
        return _parsed_default(doc, expression)
    if not isinstance(expression, cst.Name):
        return None
    scope = doc.scope(expression)
    if isinstance(scope, cst.FunctionDef):
        parameter = _parameter(scope, expression.value)
        if parameter is not None:
            return _handed_over(doc, scope, parameter, expression)
    return _assigned_once(doc, expression)


def _assigned_once(doc: Document, name: cst.Name) -> cst.BaseExpression | None:
    """Return the value of the only `NAME = value` in the file, where nothing but `name` reads it."""
    others = [use for use in doc.uses(name.value) if use is not name]
    if len(others) != 1:
        return None
    target = doc.parent(others[0])
    statement = doc.parent(target) if isinstance(target, cst.AssignTarget) else target
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        value: cst.BaseExpression | None = statement.value
    elif isinstance(statement, cst.AnnAssign) and statement.target is others[0]:
        value = statement.value
    else:
        return None
    holder = doc.scope(others[0])
    same_scope = holder is doc.scope(name) or isinstance(holder, cst.Module)
    return value if same_scope else None


def _parsed_default(doc: Document, attribute: cst.Attribute) -> cst.BaseExpression | None:
    """Return the default of the one `add_argument("--lr", default=...)` behind `args.lr`, read only once."""
    wanted = attribute.attr.value
    if len(doc.uses(f".{wanted}")) != 1:
        return None
    found: list[cst.BaseExpression] = []
    for call in doc.all(cst.Call):
        if last_name(call.func) != "add_argument":
            continue
        flags = [a.value.evaluated_value for a in call.args if not a.keyword and isinstance(a.value, cst.SimpleString)]
        if wanted not in {str(flag).lstrip("-").replace("-", "_") for flag in flags}:
            continue
        found += [a.value for a in call.args if a.keyword is not None and a.keyword.value == "default"]
    return found[0] if len(found) == 1 else None


def _parameter(function: cst.FunctionDef, name: str) -> cst.Param | None:
    parameters = function.params
    every = [*parameters.posonly_params, *parameters.params, *parameters.kwonly_params]
    return next((p for p in every if p.name.value == name), None)


def _handed_over(
    doc: Document, function: cst.FunctionDef, parameter: cst.Param, read: cst.Name
) -> cst.BaseExpression | None:
    """Return what the file's calls of a function hand over for a parameter: its default, or the one call's argument."""
    name = parameter.name.value
    if [use for use in doc.uses(name, function) if use is not parameter.name] != [read]:
        return None
    calls, position = _calls(doc, function, parameter)
    if calls is None:
        return None
    given = []
    for call in calls:
        if any(arg.star for arg in call.args):
            return None
        by_name = [a.value for a in call.args if a.keyword is not None and a.keyword.value == name]
        unnamed = [a.value for a in call.args if a.keyword is None]
        given += by_name or unnamed[position : position + 1]
    if not given:
        return parameter.default
    if len(given) > 1 or len(calls) > 1:
        return None
    if is_literal(given[0]) or isinstance(given[0], cst.Attribute):
        return given[0]
    return single_source(doc, given[0])


def _calls(doc: Document, function: cst.FunctionDef, parameter: cst.Param) -> tuple[list[cst.Call] | None, int]:
    """Return the calls of a function (of its class, for `__init__`) and the place of a parameter in them.

    The calls are None where the function is handed around or inherited, so that others may call it too.
    """
    params = [*function.params.posonly_params, *function.params.params]
    position = next((i for i, p in enumerate(params) if p is parameter), len(params))
    holder = doc.scope(function)
    called: cst.FunctionDef | cst.ClassDef = function
    if isinstance(holder, cst.ClassDef):
        if function.name.value != "__init__":
            return None, 0
        called, position = holder, position - 1
    uses = [use for use in doc.uses(called.name.value) if use is not called.name]
    calls: list[cst.Call] = []
    for use in uses:
        above = doc.parent(use)
        if isinstance(above, cst.Call) and above.func is use:
            if isinstance(called, cst.ClassDef) and doc.code(use) == "super":
                continue
            calls.append(above)
        elif isinstance(above, cst.Arg) and isinstance(call := doc.parent(above), cst.Call):
            if not (isinstance(call.func, cst.Name) and call.func.value == "super"):
                return None, 0
        else:
            return None, 0
    return calls, position
