"""Where a layer or function of the graph stands in the source: its call, its construction, what holds it."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from ...facts import Node
from .changes import CannotApply
from .document import Document, last_name
from .items import Items
from .names import Names
from .operations import OP_OF_FUNCTION, OP_OF_MODULE, SPELLINGS

LOOPS = (cst.For, cst.While, cst.CompFor, cst.ListComp, cst.GeneratorExp, cst.SetComp, cst.DictComp)


@dataclass(frozen=True)
class Item:
    """An entry of a `Sequential`, of a list that becomes one, or a statement that adds to one.

    `entry` is the expression as it stands there (the construction, or a name or attribute bound to it); `holder` has
    the entry at `index`, or is None for a statement such as `layers.append(...)`. `key` is its name, where it has one.
    """

    entry: cst.BaseExpression
    holder: cst.Call | cst.List | cst.Tuple | cst.Dict | None
    index: int
    statement: cst.Expr | None = None
    key: cst.SimpleString | None = None


def label(node: Node) -> str:
    """Return how a message calls a node."""
    return f"`{node.name or node.op}`"


def names_of(node: Node) -> frozenset[str]:
    """Return the names under which a node may be written."""
    found = {node.op, node.name.rpartition(".")[2]}
    if node.op in SPELLINGS:
        found.add(SPELLINGS[node.op].module)
    found |= {s.module for op, s in SPELLINGS.items() if op.startswith(node.op) and s.module}
    return frozenset(found - {""})


def own_call(doc: Document, node: Node) -> cst.Call | None:
    """Return the call of a node where the user's code makes it; None for a layer that a container calls."""
    if node.call is None or node.call.path != doc.path:
        return None
    last = (node.module or "").rpartition(".")[2]
    call = doc.call_at(node.call, names_of(node) if node.kind == "function" else frozenset({last}))
    if call is None or node.kind == "function":
        return call
    called = last_name(call.func)
    if isinstance(call.func, cst.Subscript):
        return call
    if isinstance(call.func, cst.Call):  # nn.Softmax(dim=1)(x)
        return call if node.built is not None and doc.call_at(node.built) is call.func else None
    if called and called == last:
        return call
    if isinstance(call.func, cst.Name) and node.built is not None:
        built = doc.call_at(node.built) if node.built.path == doc.path else None
        bound = built and binding(doc, built)
        return call if bound == called or (last.isdigit() and not _holds_layers(doc, call.func)) else None
    return None


def _holds_layers(doc: Document, name: cst.Name) -> bool:
    """Return whether a called name is bound to a construction (`net = nn.Sequential(...)`), and so no loop variable."""
    uses = doc.uses(name.value)
    return not any(isinstance(doc.parent(u), (cst.For, cst.CompFor)) for u in uses)


def construction(doc: Document, node: Node) -> cst.Call:
    """Return the call that builds a layer."""
    call = doc.call_at(node.built, names_of(node)) if node.built and node.built.path == doc.path else None
    if call is None:
        raise CannotApply(f"it is not known where {label(node)} is built")
    return call


def binding(doc: Document, value: cst.BaseExpression) -> str | None:
    """Return the name or attribute (`act`, `self.act`) that a value is bound to; None where it is not just that."""
    above = doc.parent(value)
    if isinstance(above, cst.AnnAssign) and above.value is value:
        return doc.code(above.target) if isinstance(above.target, (cst.Name, cst.Attribute)) else None
    if isinstance(above, cst.Assign) and len(above.targets) == 1:
        target = above.targets[0].target
        if isinstance(target, (cst.Name, cst.Attribute)):
            return doc.code(target)
    return None


def in_loop(doc: Document, node: cst.CSTNode) -> bool:
    """Return whether code is run several times by a loop in the same function."""
    scope = doc.scope(node)
    return any(isinstance(above, LOOPS) and doc.inside(above, scope) for above in doc.ancestors(node))


def item_of(doc: Document, names: Names, value: cst.BaseExpression) -> Item | None:
    """Return the entry of a sequence that a construction is, directly or through one name; None where it is none."""
    above = doc.parent(value)
    if isinstance(above, cst.Arg) and above.keyword is None and not above.star:
        call = doc.parent(above)
        assert isinstance(call, cst.Call)
        return _item_of_call(doc, names, value, call)
    if isinstance(above, cst.Element):
        return _item_of_list(doc, names, value, above)
    if isinstance(above, cst.DictElement) and above.value is value:
        holder = doc.parent(above)
        if isinstance(holder, cst.Dict) and _role(doc, names, holder) == "OrderedDict":
            key = above.key if isinstance(above.key, cst.SimpleString) else None
            return Item(value, holder, Items.of(doc, holder).index(above), key=key)
        return None
    name = binding(doc, value)
    if name is None:
        return None
    scope = doc.scope(value)
    uses = [use for use in doc.uses(name, None if "." in name else scope) if not _is_target(doc, use)]
    others = [use for use in uses if not isinstance(doc.parent(use), cst.Attribute)]  # `lin.weight` moves no layer
    if len(others) != 1:
        return None
    parent = doc.parent(others[0])
    if isinstance(parent, cst.Call) and parent.func is others[0]:
        return None
    return item_of(doc, names, others[0])


def _is_target(doc: Document, use: cst.CSTNode) -> bool:
    above = doc.parent(use)
    return isinstance(above, cst.AssignTarget) or (isinstance(above, cst.AnnAssign) and above.target is use)


def _item_of_call(doc: Document, names: Names, value: cst.BaseExpression, call: cst.Call) -> Item | None:
    if is_sequential(names, call.func):
        return Item(value, call, Items.of(doc, call).index(value))
    statement = doc.parent(call)
    if not isinstance(call.func, cst.Attribute) or not isinstance(statement, cst.Expr):
        return None
    if call.func.attr.value == "append" and len(call.args) == 1 and _sequential_list(doc, names, call.func.value):
        return Item(value, None, 0, statement)
    if call.func.attr.value in ("add_module", "register_module") and len(call.args) == 2:
        key = call.args[0].value
        if doc.code(call.func.value) != "self":
            return Item(value, None, 0, statement, key if isinstance(key, cst.SimpleString) else None)
    return None


def _item_of_list(doc: Document, names: Names, value: cst.BaseExpression, above: cst.Element) -> Item | None:
    holder = doc.parent(above)
    outer = doc.parent(holder) if holder else None
    if isinstance(holder, cst.Tuple) and isinstance(outer, cst.Element) and len(holder.elements) == 2:
        table = doc.parent(outer)  # [("softmax", nn.Softmax())]
        key = holder.elements[0].value
        if isinstance(table, cst.List) and _role(doc, names, table) == "OrderedDict":
            index = Items.of(doc, table).index(outer)
            return Item(value, table, index, key=key if isinstance(key, cst.SimpleString) else None)
        return None
    if isinstance(holder, (cst.List, cst.Tuple)) and _sequential_list(doc, names, holder):
        return Item(value, holder, Items.of(doc, holder).index(above))
    return None


def is_sequential(names: Names, func: cst.BaseExpression) -> bool:
    """Return whether a call builds a `Sequential` (or a class whose name says that it is one)."""
    full = names.resolve(func)
    return full == "torch.nn.Sequential" or (full is None and last_name(func).endswith("Sequential"))


def _sequential_list(doc: Document, names: Names, expression: cst.BaseExpression) -> bool:
    """Return whether what is collected in a list becomes a `Sequential`, as far as can be seen: not a `ModuleList`."""
    return _role(doc, names, expression) in ("Sequential", "")


def _role(doc: Document, names: Names, expression: cst.BaseExpression, depth: int = 0) -> str:
    """Return the class (`Sequential`, `ModuleList`, `OrderedDict`, ...) that a list ends in; "" where nothing says."""
    above = doc.parent(expression)
    if isinstance(above, cst.Arg):
        call = doc.parent(above)
        assert isinstance(call, cst.Call)
        return "Sequential" if is_sequential(names, call.func) and above.star else last_name(call.func)
    if isinstance(above, cst.BinaryOperation):
        return _role(doc, names, above, depth)
    if isinstance(above, (cst.Element, cst.StarredElement)) and isinstance(doc.parent(above), (cst.List, cst.Tuple)):
        holder = doc.parent(above)
        assert isinstance(holder, cst.BaseExpression)
        return _role(doc, names, holder, depth) if isinstance(above, cst.StarredElement) else "list"
    name = doc.code(expression) if isinstance(expression, (cst.Name, cst.Attribute)) else binding(doc, expression)
    if isinstance(above, cst.AugAssign):
        name = doc.code(above.target)
    if name is None or depth > 2:
        return "" if isinstance(above, cst.Return) else "?"
    return _role_of_name(doc, names, expression, name, depth)


def _role_of_name(doc: Document, names: Names, at: cst.CSTNode, name: str, depth: int) -> str:
    found = set()
    for use in doc.uses(name, None if "." in name else doc.scope(at)):
        above = doc.parent(use)
        if isinstance(above, cst.AssignTarget):
            assign = doc.parent(above)
            value = assign.value if isinstance(assign, cst.Assign) else None
            if isinstance(value, cst.Call) and last_name(value.func) in ("Sequential", "ModuleList", "ModuleDict"):
                found.add(last_name(value.func))
        elif isinstance(above, cst.Arg) and use is not at:
            role = _role(doc, names, use, depth + 1)
            found |= {role} & {"Sequential", "ModuleList", "ModuleDict", "OrderedDict"}
    if "ModuleList" in found or "ModuleDict" in found:
        return "ModuleList"
    return next(iter(found), "")


def function_op(names: Names, call: cst.Call) -> str | None:
    """Return the operation of a functional call (`F.softmax`, `torch.relu`); None where imports do not tell."""
    return OP_OF_FUNCTION.get(names.resolve(call.func) or "")


def module_op(names: Names, call: cst.Call) -> str | None:
    """Return the operation that a construction builds; None where imports do not tell."""
    return OP_OF_MODULE.get(names.resolve(call.func) or "")


def is_method(names: Names, node: Node, call: cst.Call) -> bool:
    """Return whether a function is called as a tensor's method (`x.softmax(1)`)."""
    if not isinstance(call.func, cst.Attribute) or names.resolve(call.func) is not None:
        return False
    if "." in node.name:
        return node.name.startswith("Tensor.")
    receiver = call.func.value
    return call.func.attr.value in names_of(node) and not (isinstance(receiver, cst.Name) and receiver.value == "self")


def input_of(names: Names, node: Node, call: cst.Call) -> cst.BaseExpression:
    """Return the expression that is handed to a call as its tensor."""
    if node.kind == "function" and is_method(names, node, call):
        assert isinstance(call.func, cst.Attribute)
        return call.func.value
    for i, arg in enumerate(call.args):
        if arg.star:
            break
        if (arg.keyword is None and i == 0) or (arg.keyword is not None and arg.keyword.value == "input"):
            return arg.value
    raise CannotApply(f"the input of {label(node)} was not found in its call")
