"""Checks one file: its orchestrators, entities and activities, and what they must not do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import attrs

from perdure.linting import rules
from perdure.linting.modules import Module, Modules
from perdure.linting.names import Function, bound_in
from perdure.linting.rules import ASYNC_ACTIVITY, OPERATION, ORCHESTRATOR, Rule

_NOQA = re.compile(r"#\s*noqa(?::\s*(?P<codes>[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*))?", re.IGNORECASE)


@attrs.frozen(order=True)
class Finding:
    """Something that code must not do.

    Attributes:
        path: of the file.
        line: from 1.
        column: from 1.
        code: of the rule.
        message: what is wrong and what to use instead.
    """

    path: str
    line: int
    column: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.code} {self.message}"


def check_source(
    text: str, path: str = "<text>", modules: Modules | None = None
) -> list[Finding]:
    """What is wrong in the text of one file, and in helpers of other files that it calls."""
    modules = modules or Modules()
    try:
        module = Module.of(text, path)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        message = rules.SYNTAX.message(str(error), "")
        return [Finding(path, line, 1, rules.SYNTAX.code, message)]
    modules.add(module)
    found = {
        Finding(where.path, node.lineno, node.col_offset + 1, rule.code, text)
        for where, (node, rule, name, place) in _Check(module, modules).run()
        for text in (rule.message(name, place),)
        if not _is_allowed(where.lines[node.lineno - 1], rule.code)
    }
    return sorted(found)


def _is_allowed(line: str, code: str) -> bool:
    noqa = _NOQA.search(line)
    if noqa is None:
        return False
    codes = noqa["codes"]
    return codes is None or code in re.split(r"[,\s]+", codes.upper())


Fault = tuple[ast.expr | ast.stmt, Rule, str, str]
"""Where, what, and the names for its message."""


class _Check:
    """The check of one module."""

    def __init__(self, module: Module, modules: Modules) -> None:
        self._module = module
        self._modules = modules
        self._names = module.names

    def run(self) -> Iterator[tuple[Module, Fault]]:
        """All faults, and in which module each is; some may come twice."""
        seen: set[int] = set()
        for node in ast.walk(self._module.tree):
            if isinstance(node, Function) and _decorated(node, "orchestrator"):
                yield from self.orchestrator(node, seen)
            else:
                yield from self._other(node)

    def _other(self, node: ast.AST) -> Iterator[tuple[Module, Fault]]:
        if isinstance(node, ast.ClassDef) and self._is_entity(node):
            yield from self._entity(node)
        elif isinstance(node, Function):
            if _decorated(node, "entity"):
                yield from self.operation(node, set())
            elif _decorated(node, "activity") and isinstance(node, ast.AsyncFunctionDef):
                yield from (
                    (self._module, fault) for fault in self._calls(node, ASYNC_ACTIVITY)
                )

    # ---- calls --------------------------------------------------------------------------

    def _calls(self, function: Function, place: str) -> Iterator[Fault]:
        bound = bound_in(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                name = self._names.full(node.func, bound)
                rule = rules.forbidden(name, place) if name else None
                if rule is not None and not (name == "random.Random" and node.args):
                    yield node, rule, name, place

    # ---- orchestrators --------------------------------------------------------------------

    def orchestrator(
        self, function: Function, seen: set[int]
    ) -> Iterator[tuple[Module, Fault]]:
        """The faults of what an orchestrator runs: its own code, and helpers, however deep."""
        if id(function) in seen:
            return
        seen.add(id(function))
        yield from ((self._module, fault) for fault in self._deterministic(function))
        for module, called in self._helpers(function):
            yield from _Check(module, self._modules).orchestrator(called, seen)

    def _helpers(self, function: Function) -> Iterator[tuple[Module, Function]]:
        """The functions of this project that one calls, and their modules."""
        bound = bound_in(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                helper = self._helper(node.func, bound, function)
                if helper is not None and not _is_registered(helper[1]):
                    yield helper

    def _helper(
        self, called: ast.expr, bound: frozenset[str], function: Function
    ) -> tuple[Module, Function] | None:
        """The function of this project that a call runs, and its module."""
        names = self._names
        match called:
            case ast.Name(id=name) if name in names.functions:
                return None if name in bound else (self._module, names.functions[name])
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=attr):
                owner = names.owner(function)
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name not in bound:
                owner = names.classes.get(name)
            case ast.Attribute(value=ast.Call(func=ast.Name(id=name)), attr=attr):
                owner = names.classes.get(name)
            case _:
                owner, attr = None, ""
        method = None if owner is None else names.method(owner, attr)
        if method is not None:
            return self._module, method
        name = names.full(called, bound)
        return self._modules.function(self._module, name) if "." in name else None

    def _deterministic(self, function: Function) -> Iterator[Fault]:
        yield from self._calls(function, ORCHESTRATOR)
        bound = bound_in(function)
        entities = _bound_to(function, _is_entity_ref)
        used = _read_in(function)
        for node in ast.walk(function):
            match node:
                case ast.Name(id=name) if name in self._names.changing and name not in bound:
                    yield node, rules.GLOBAL, name, ORCHESTRATOR
                case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
                    if _gives_task(method, entities):
                        yield node, rules.LOST_TASK, ast.unparse(method), ORCHESTRATOR
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                    if name not in used and _starts_task(call, entities):
                        yield node, rules.LOST_TASK, ast.unparse(call.func), ORCHESTRATOR
                case _:
                    pass
        yield from self._sections_and_sets(function)

    def _sections_and_sets(self, function: Function) -> Iterator[Fault]:
        sets = _bound_to(function, _is_set)
        for node in ast.walk(function):
            match node:
                case ast.Expr(value=ast.Await(value=ast.Call(func=ast.Attribute() as method))):
                    if method.attr in rules.SECTIONS:
                        yield node, rules.LEAKED_LOCK, ast.unparse(method), ORCHESTRATOR
                case ast.For(iter=ordered, body=body) if _is_set_of(ordered, sets):
                    if _asks(body):
                        yield node.iter, rules.SET_ORDER, ast.unparse(ordered), ORCHESTRATOR
                case ast.ListComp(elt=elt, generators=[ast.comprehension(iter=ordered), *_]):
                    if _is_set_of(ordered, sets) and _asks([elt]):
                        yield ordered, rules.SET_ORDER, ast.unparse(ordered), ORCHESTRATOR
                case _:
                    pass

    # ---- entities ---------------------------------------------------------------------------

    def _is_entity(self, node: ast.ClassDef) -> bool:
        bases = {self._names.full(base) for base in node.bases}
        return _decorated(node, "entity") or "perdure.Entity" in bases

    def _entity(self, node: ast.ClassDef) -> Iterator[tuple[Module, Fault]]:
        seen: set[int] = set()
        for part in node.body:
            match part:
                case ast.AnnAssign(target=ast.Name(id=name), value=value):
                    if self._names.makes_container(value):
                        yield self._module, (part, rules.MUTABLE_DEFAULT, name, OPERATION)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    yield from self.operation(part, seen)
                case _:
                    pass

    def operation(self, function: Function, seen: set[int]) -> Iterator[tuple[Module, Fault]]:
        """The faults of what an operation runs: its own code, and helpers, however deep."""
        if id(function) in seen:
            return
        seen.add(id(function))
        yield from ((self._module, fault) for fault in self._operation(function))
        for module, called in self._helpers(function):
            yield from _Check(module, self._modules).operation(called, seen)

    def _operation(self, function: Function) -> Iterator[Fault]:
        yield from self._calls(function, OPERATION)
        refs = _bound_to(function, _is_entity_ref)
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Attribute(attr="call", value=target) as method):
                    if _is_entity_ref(target) or _is_name_in(target, refs):
                        yield node, rules.WAITING, ast.unparse(method), OPERATION
                case _:
                    pass


def _decorated(node: Function | ast.ClassDef, word: str) -> bool:
    """Whether it is decorated with ``@app.word`` or ``@app.word(…)``."""
    for decorator in node.decorator_list:
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(named, ast.Attribute) and named.attr == word:
            return True
    return False


def _is_registered(function: Function) -> bool:
    """Whether it is run by perdure and not by its caller: it is decorated with something of an
    app.
    """
    return any(_decorated(function, word) for word in ("activity", "orchestrator", "entity"))


def _bound_to(function: Function, fits: object) -> set[str]:
    """Variables that are bound to what *fits*, one by one or as a tuple."""
    assert callable(fits)
    found: set[str] = set()
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            found.update(
                to.id for to, value in pairs if isinstance(to, ast.Name) and fits(value)
            )
    return found


def _is_entity_ref(node: ast.expr) -> bool:
    """Whether it is ``ctx.entity(…)``, ``self.context.entity(…)`` or the like."""
    return isinstance(node, ast.Call) and (
        isinstance(node.func, ast.Attribute) and node.func.attr == "entity"
    )


def _is_name_in(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _gives_task(method: ast.Attribute, entities: set[str]) -> bool:
    if method.attr in rules.TASK_METHODS:
        return isinstance(method.value, ast.Name)
    target = method.value
    return method.attr == "call" and (_is_entity_ref(target) or _is_name_in(target, entities))


def _starts_task(call: ast.Call, entities: set[str]) -> bool:
    return isinstance(call.func, ast.Attribute) and _gives_task(call.func, entities)


def _read_in(function: Function) -> set[str]:
    """The variables that a function reads somewhere."""
    return {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load | ast.Del)
    }


def _is_set(node: ast.expr) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case _:
            return False


def _is_set_of(node: ast.expr, sets: set[str]) -> bool:
    return _is_set(node) or _is_name_in(node, sets)


def _asks(body: list[ast.stmt] | list[ast.expr]) -> bool:
    """Whether it asks something of a context: a task, a signal or an event."""
    return any(
        isinstance(node, ast.Await | ast.Yield)
        or (isinstance(node, ast.Attribute) and node.attr in rules.TASK_METHODS)
        for part in body
        for node in ast.walk(part)
    )
