"""Reference pages that are read from source text: table schemas with their comments, and the store's layout."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from markdown_tables import code, sentence, table

from catalogs import layout, table_schemas
from catalogs.retention_classes import RETENTION_CLASSES
from catalogs.store_roles import STORE_ROLES

# Tables


COLUMN_MEANINGS = {
    "slot_id": "the slot: hash of SKU, view, variant and index, 16 bytes",
    "sku": "the SKU, as the catalogue has it",
    "category": "the product category, which chooses rules and thresholds",
    "view": "the view's name in the recipe",
    "variant": "the A/B arm",
    "index": "number of the image among those of one view, from 0",
    "kind": "what the plan found: new, changed, waiting",
    "request_key": "the request: sha256 of all that changes the pixels",
    "source_digest": "hash of the row and recipe fields that can affect the slot",
    "finish_digest": "hash of the finish",
    "attempts_allowed": "attempts that the request may spend, over all runs",
    "attempts_spent": "attempts that the request has spent, over all runs",
    "attempt": "which attempt made the image, from 0",
    "image_key": "the staged image: hash of request key and attempt",
    "priority": "high, normal or low",
    "created_at": "when the SKU was created, where the row says so",
    "deadline": "when the image is needed, where the row says so",
    "reasons": "reason codes, sorted",
    "verdict": "PASS, REVIEW or BLOCK",
    "shard": "the shard's name",
    "prompt": "the rendered prompt",
    "negative": "the rendered negative prompt",
    "width": "in pixels",
    "height": "in pixels",
    "steps": "denoising steps",
    "guidance": "guidance scale",
    "model": "the model's name, with the head of its identity or its version",
    "precision": "fp32, bf16 or fp8",
    "engine_seconds": "GPU seconds",
    "raw_sha": "sha256 of the pixels as the model made them",
    "finished_sha": "sha256 of the finished pixels",
    "pixel_sha": "sha256 of the decoded pixels",
    "file_sha": "sha256 of the file",
    "file_bytes": "size of the file",
    "live_file_sha": "sha256 of the live image that the slot was planned against",
    "fingerprint": "PDQ-256 of the finished image",
    "fingerprint_quality": "PDQ's quality, 0 to 100",
    "crop": "PDQ-256 of the product's own rectangle",
    "looks": "mean colour of the product (CIE Lab) and its extent in the frame",
    "mark": "the source type that the file says of itself",
    "channels": "channels on which the image may be used",
    "channel_reasons": "why not on the other channels of the recipe, as channel:code",
    "object": "key of the image in the store",
    "signed": "whether it carries a C2PA signature",
    "run_id": "the run that wrote the row",
    "released_at": "when its release was committed",
    "state": "what became of the slot",
    "attempts": "attempts spent, over all runs",
    "policy_digest": "the policy that decided",
    "decided_at": "when",
    "expires_at": "until when a person may answer",
    "asked_at": "since when a person is asked",
    "first_attempt": "the attempt to begin with",
    "live_slot_id": "the slot's id under the SKU that it is live under",
    "codes": "one byte for each request of the shard, in order: 0, or why it is left out",
    "closed_at": "when the run ended",
    "started_at": "when the run began",
    "planned_at": "the time of the plan that no longer asks for it",
    "column": "the field that is wrong",
    "reason": "why the row was rejected, in words",
}
"""What columns mean wherever no comment beside them says more."""


def tables() -> str:
    """Return the page of every table's columns."""
    text = Path(str(table_schemas.__file__)).read_text("utf-8")
    lines, tree = text.splitlines(), ast.parse(text)
    shared = {
        name: comment
        for node in tree.body
        if isinstance(node, ast.Assign) and _target(node).startswith("_")
        for name, comment in _comments(lines, node)
    }
    parts = [
        "# Tables",
        "Every table between two stages, and every table that is kept: Parquet with these Arrow schemas, `MANIFEST` and"
        " `OUTCOMES` as Delta tables. Digests are bytes where there are millions of them (slots 16, shas 32 bytes), and"
        " short hex text where people read them. Times are UTC. Columns are on disk: they are never renamed.",
    ]
    for node, following in zip(tree.body, [*tree.body[1:], None], strict=True):
        schema = getattr(table_schemas, _target(node), None) if isinstance(node, ast.Assign) else None
        if not isinstance(node, ast.Assign) or not isinstance(schema, pa.Schema):
            continue
        comments = shared | dict(_comments(lines, node))
        parts.append(f"## {_target(node)}")
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            parts.append(sentence(following.value.value) if isinstance(following.value.value, str) else "")
        rows = [
            (code(field.name), field.type, comments.get(field.name) or COLUMN_MEANINGS.get(field.name, ""))
            for field in schema
        ]
        parts.append(table(("column", "type", "meaning"), rows))
    return "\n\n".join(part for part in parts if part)


def _target(node: ast.stmt) -> str:
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) else ""


def _comments(lines: list[str], node: ast.stmt) -> Iterator[tuple[str, str]]:
    for line in lines[node.lineno - 1 : node.end_lineno]:
        found = re.search(r'\("(\w+)",.*\),?\s*#\s*(.+)$', line)
        if found is not None:
            yield found.group(1), found.group(2)


# The store's layout


def store_layout() -> str:
    """Return the page of every object key."""
    module = _LayoutModule(Path(str(layout.__file__)).read_text("utf-8"))
    rows = [(code(key), doc, code(name)) for name, key, doc in module.entries()]
    constants = [
        (code(value), code(name))
        for name, value in vars(layout).items()
        if name.isupper() and isinstance(value, str) and value.endswith("/")
    ]
    return "\n\n".join(
        [
            "# Store layout",
            "Every object key is made in `catalogs/layout.py`; no other module builds one. `<name>` stands for a value,"
            " `<name[:2]>` for its first two digits, and a digest that is cut to 12 digits is written `<name[:12]>`."
            " Images: `staging/` is private; `published/` is what the shop serves, and its bytes never change. What is"
            " kept for how long: [sweep and verify](../operations/sweep-and-verify.md).",
            table(("key", "what it is", "made by"), rows),
            "## How long it is kept",
            "Every key belongs to one of these classes; `packshot doctor --store` and reports count bytes by them. The"
            " last column says where to look when a person asks to be gone.",
            table(
                ("class", "prefix", "holds", "ends", "of people it may hold"),
                [(one.name, code(one.prefix), one.holds, one.ends, one.people) for one in RETENTION_CLASSES],
            ),
            "## Who writes it",
            "A store can be split by who writes: each role gets keys of its own; `packshot bucket-policy ROLE` prints"
            " its IAM policy. `*` stands for any text. Roles add up.",
            table(
                ("role", "does", "reads", "writes", "deletes"),
                [
                    (code(one.name), one.does, *map(_patterns, (one.reads, one.writes, one.deletes)))
                    for one in STORE_ROLES
                ],
            ),
            "## Top folders",
            table(("prefix", "constant"), constants),
        ]
    )


def _patterns(patterns: Iterable[str]) -> str:
    return ", ".join(map(code, patterns)) or "nothing"


ATTRIBUTE_MEANINGS = {
    "prefix": "the folder of a run",
    "policy": "the policy, as it was when the run began",
    "slots": "what the run must decide: SLOTS",
    "rejects": "rejected rows: REJECTS",
    "refreshed": "slots of which only the digest is written again: REFRESHED_DIGESTS",
    "retired": "slots to retire: RETIRED_SLOTS",
    "renamed": "slots that get another SKU: RENAMED_SLOTS",
    "replaced": "live slots of another variant, and what replaces them: REPLACED_SLOTS",
    "deferrals": "what the plan leaves for a later run: DEFERRALS",
    "requests_prefix": "what the run must generate: REQUESTS, in parts",
    "records_prefix": "records of shards: RECORDS",
    "published_prefix": "lists of published files: PUBLISHED_FILES",
    "held": "the failed checks of a held batch",
    "closed": "how the run ended; written last",
    "report": "the report",
    "report_page": "the same as a page",
    "audit": "what the audit checked",
    "audit_page": "the same as a page",
}
"""What the attributes of `RunFiles` hold, where no comment beside them says so."""


def _meaning(node: ast.FunctionDef) -> str:
    meaning = sentence(ast.get_docstring(node)).removeprefix("Return ").rstrip(".")
    meaning = meaning.split(": ", 1)[0] if len(meaning) > 160 else meaning
    return meaning[:1].upper() + meaning[1:]


class _LayoutModule:
    """Renders the keys that the layout's functions and methods return, with their parameters as placeholders."""

    def __init__(self, text: str) -> None:
        self._lines, self._tree = text.splitlines(), (tree := ast.parse(text))
        self._functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}

    def entries(self) -> Iterator[tuple[str, str, str]]:
        """Yield name, key and meaning of every public function and method that returns a key."""
        for node in self._tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield from self._of(node, node.name)
            elif isinstance(node, ast.ClassDef):
                yield from self._of_class(node)

    def _of_class(self, node: ast.ClassDef) -> Iterator[tuple[str, str, str]]:
        """Yield the keys that an instance holds, and those that its methods return."""
        methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
        constructor = next(one for one in methods if one.name == "__init__")
        instance = getattr(layout, node.name)(*(f"<{one.arg}>" for one in constructor.args.args[1:]))
        comments = self._attribute_comments(constructor)
        for name, key in vars(instance).items():
            yield f"{node.name}.{name}", key, comments.get(name) or ATTRIBUTE_MEANINGS.get(name, "")
        for method in methods:
            if not method.name.startswith("_"):
                key = getattr(instance, method.name)(*(f"<{one.arg}>" for one in method.args.args[1:]))
                yield f"{node.name}.{method.name}", key, _meaning(method)

    def _attribute_comments(self, constructor: ast.FunctionDef) -> dict[str, str]:
        comments = {}
        for statement in constructor.body:
            line = self._lines[statement.lineno - 1]
            for one in ast.walk(statement):
                if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store) and "  # " in line:
                    comments[one.attr] = line.split("  # ", 1)[1]
        return comments

    def _of(self, node: ast.FunctionDef, name: str) -> Iterator[tuple[str, str, str]]:
        for key in self._returned(node, {}):
            if "/" in key or "." in key:
                yield name, key, _meaning(node)

    def _returned(self, node: ast.FunctionDef, values: dict[str, str]) -> list[str]:
        values = dict(values)
        for statement in node.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                values[statement.targets[0].id] = self._text(statement.value, values)
            if isinstance(statement, ast.Return) and statement.value is not None:
                if isinstance(statement.value, ast.IfExp):
                    return [self._text(one, values) for one in (statement.value.body, statement.value.orelse)]
                return [self._text(statement.value, values)]
        return []

    def _text(self, node: ast.expr, values: dict[str, str]) -> str:
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(self._text(one, values) for one in node.values)
        if isinstance(node, ast.FormattedValue):
            return self._text(node.value, values)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._text(node.left, values) + self._text(node.right, values)
        if isinstance(node, ast.Name):
            value = values.get(node.id, getattr(layout, node.id, None) if node.id.isupper() else None)
            return value if isinstance(value, str) else f"<{node.id}>"
        if isinstance(node, ast.BoolOp):
            return self._text(node.values[0], values)
        if isinstance(node, ast.Call):
            return self._called(node, values)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and node.slice.upper is not None:
            length = self._text(node.slice.upper, values)
            length = str(getattr(layout, length.strip("<>"), length))
            return f"{self._text(node.value, values).rstrip('>')}[:{length}]>"
        if isinstance(node, ast.Attribute):
            return f"<{node.attr.lstrip('_')}>"
        return f"<{ast.unparse(node)}>"

    def _called(self, node: ast.Call, values: dict[str, str]) -> str:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        arguments = [self._text(one, values) for one in node.args]
        function = self._functions.get(name)
        if function is None or name.startswith("_"):
            return f"<{name.strip('_')} of {', '.join(one.strip('<>') for one in arguments)}>"
        parameters = [one.arg for one in function.args.args]
        bound = dict(zip(parameters, arguments, strict=False))
        returned = self._returned(function, bound)
        return returned[0] if returned else f"<{name}>"
