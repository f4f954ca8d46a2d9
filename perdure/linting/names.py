"""What names in a module mean: imports by their full names, and globals that change."""

from __future__ import annotations

import ast

from perdure.linting.rules import CONTAINERS, MUTATORS

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Names:
    """The names of one module.

    Attributes:
        functions: its functions by name.
        classes: its classes by name.
        changing: globals that hold something that some function of the module changes.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.functions = {n.name: n for n in tree.body if isinstance(n, Function)}
        self.classes = {n.name: n for n in tree.body if isinstance(n, ast.ClassDef)}
        self._owners = {
            id(part): owner
            for owner in ast.walk(tree)
            if isinstance(owner, ast.ClassDef)
            for part in owner.body
            if isinstance(part, Function)
        }
        self._imports: dict[str, str] = {}
        for node in ast.walk(tree):
            self._note_import(node)
        self.changing = self._globals(tree) & _changed(tree)

    def _note_import(self, node: ast.AST) -> None:
        match node:
            case ast.Import(names=names):
                for name in names:
                    top = name.name.partition(".")[0]
                    self._imports[name.asname or top] = name.name if name.asname else top
            case ast.ImportFrom(module=module, names=names, level=level):
                source = "." * level + (f"{module}." if module else "")
                for name in names:
                    self._imports[name.asname or name.name] = f"{source}{name.name}"
            case _:
                pass

    def full(self, node: ast.expr, local: frozenset[str] = frozenset()) -> str:
        """The full name of what *node* names, ``time.time``; empty for what is no import and
        no builtin, such as a name that the function itself binds.
        """
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id in local:
            return ""
        imported = self._imports.get(node.id)
        if imported is None and (parts or node.id in self.functions):
            return ""
        return ".".join([imported or node.id, *reversed(parts)])

    def imported(self, name: str) -> str:
        """The full name of what is imported under *name*; empty when nothing is."""
        return self._imports.get(name, "")

    def owner(self, function: Function) -> ast.ClassDef | None:
        """The class whose method a function is."""
        return self._owners.get(id(function))

    def method(self, owner: ast.ClassDef, name: str) -> Function | None:
        """A class's method of that name, its own or that of a class above in this module."""
        seen: set[int] = set()
        waiting = [owner]
        while waiting:
            one = waiting.pop(0)
            if id(one) in seen:
                continue
            seen.add(id(one))
            for part in one.body:
                if isinstance(part, Function) and part.name == name:
                    return part
            above = [base.id for base in one.bases if isinstance(base, ast.Name)]
            waiting += [self.classes[base] for base in above if base in self.classes]
        return None

    def makes_container(self, value: ast.expr | None) -> bool:
        """Whether *value* is a new list, dict, set or the like."""
        match value:
            case ast.List() | ast.Dict() | ast.Set():
                return True
            case ast.ListComp() | ast.DictComp() | ast.SetComp():
                return True
            case ast.Call(func=func):
                return self.full(func) in CONTAINERS
            case _:
                return False

    def _globals(self, tree: ast.Module) -> set[str]:
        """Names bound at the top that hold a container, or that a function binds anew."""
        held = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and self.makes_container(node.value)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        return held | {
            name for n in ast.walk(tree) if isinstance(n, ast.Global) for name in n.names
        }


def _changed(tree: ast.Module) -> set[str]:
    """Names that functions change in place or bind anew."""
    found: set[str] = set()
    for function in ast.walk(tree):
        if not isinstance(function, Function):
            continue
        bound = bound_in(function)
        for node in ast.walk(function):
            match node:
                case ast.Global(names=names):
                    found.update(names)
                case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                    found.update({name} - bound)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)):
                    if attr in MUTATORS:
                        found.update({name} - bound)
                case _:
                    pass
    return found


def bound_in(function: Function) -> frozenset[str]:
    """The names that a function binds itself: parameters and assigned variables."""
    arguments = function.args
    bound = {
        one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    }
    bound |= {one.arg for one in (arguments.vararg, arguments.kwarg) if one is not None}
    declared: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                bound.add(name)
            case ast.Global(names=names):
                declared.update(names)
            case _:
                pass
    return frozenset(bound - declared)
