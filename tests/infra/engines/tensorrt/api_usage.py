"""Which names of TensorRT a module uses, found in its syntax: of the vendor's module, and of objects by declared role.

A role is an annotation: `builder: tensorrt.Builder = …`, a parameter's, a function's answer, or another name for one of
those. What a call of a vendor's object returns has no role until it is annotated; touching it before is reported too.
"""

import ast
import json
from collections.abc import Iterator

from tests.paths import DATA

MODULE_ALIASES = {"trt", "tensorrt", "_trt"}
API_NAMES: dict[str, list[str]] = json.loads((DATA / "tensorrt_11_4_names.json").read_text("utf-8"))
"""The 11.4.0.106 bindings' own list: names of the module under `__top__`, and of each class."""
UNKNOWN_ROLE = "?"
Roles = dict[str, str]


def find_unknown_names(source: str) -> list[str]:
    """Return every name in a module's source that TensorRT 11.4 does not have, or that cannot be told."""
    tree = ast.parse(source)
    found = set(_unknown_module_names(tree))
    for scope in _functions(tree):
        found |= set(_unknown_attributes(scope, _roles(scope, _roles_of_self(tree))))
    return sorted(found)


def find_used_names(source: str) -> set[str]:
    """Return the names of the vendor's module and of roles that a source uses, as `Class.name`."""
    tree, names = ast.parse(source), set()
    for scope in _functions(tree):
        roles = _roles(scope, _roles_of_self(tree))
        for node in ast.walk(scope):
            if isinstance(node, ast.Attribute) and (role := roles.get(ast.unparse(node.value))):
                names.add(f"{role}.{node.attr}")
    return names


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _unknown_module_names(tree: ast.AST) -> Iterator[str]:
    """Check `trt.Class.name` wherever it stands, in annotations that are text too."""
    trees = [tree]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("tensorrt."):
            trees.append(ast.parse(node.value, mode="eval"))
    for each in trees:
        for node in ast.walk(each):
            if isinstance(node, ast.Attribute):
                yield from _unknown_part_of(_path(node))


def _unknown_part_of(path: list[str]) -> Iterator[str]:
    while path and path[0] not in MODULE_ALIASES:
        path = path[1:]
    path = [name for name in path[1:] if not name.startswith("__")]
    if path and path[0] not in API_NAMES["__top__"]:
        yield path[0]
    elif len(path) > 1 and path[1] not in API_NAMES[path[0]]:
        yield f"{path[0]}.{path[1]}"


def _path(node: ast.expr) -> list[str]:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) else []


def _role_of(annotation: ast.expr | None) -> str | None:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    path = _path(annotation) if annotation is not None else []
    return path[1] if len(path) == 2 and path[0] == "tensorrt" else None


def _roles_of_self(tree: ast.AST) -> Roles:
    """Return the roles that hold in the whole module: those of `self.…`, and of functions' answers, as `call()`."""
    answers = {f"{node.name}()": role for node in _functions(tree) if (role := _role_of(node.returns))}
    return answers | {
        ast.unparse(node.target): role
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Attribute)
        and (role := _role_of(node.annotation))
    }


def _roles(scope: ast.AST, known: Roles) -> Roles:
    roles = dict(known)
    for node in ast.walk(scope):
        if isinstance(node, ast.arg) and (role := _role_of(node.annotation)):
            roles[node.arg] = role
        elif isinstance(node, ast.AnnAssign) and (role := _role_of(node.annotation)):
            roles[ast.unparse(node.target)] = role
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            for target, value in _assigned_pairs(node):
                if ast.unparse(target) not in roles and (role := _role_of_value(value, roles)):
                    roles[ast.unparse(target)] = role
    return roles


def _assigned_pairs(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


def _role_of_value(value: ast.expr, roles: Roles) -> str | None:
    if isinstance(value, ast.Call):
        answer = roles.get(f"{ast.unparse(value.func).removeprefix('self.')}()")
        return answer or (UNKNOWN_ROLE if _is_tensorrt_call(value, roles) else None)
    return roles.get(ast.unparse(value))


def _is_tensorrt_call(call: ast.Call, roles: Roles) -> bool:
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    return owner in roles or owner.split(".")[-1] in MODULE_ALIASES


def _unknown_attributes(scope: ast.AST, roles: Roles) -> Iterator[str]:
    for node in ast.walk(scope):
        if not isinstance(node, ast.Attribute) or node.attr.startswith("__"):
            continue
        role = roles.get(ast.unparse(node.value))
        if role == UNKNOWN_ROLE or (isinstance(node.value, ast.Call) and _is_tensorrt_call(node.value, roles)):
            yield f"{ast.unparse(node)} (annotate what it is called on)"
        elif role is not None and node.attr not in API_NAMES[role]:
            yield f"{role}.{node.attr}"
