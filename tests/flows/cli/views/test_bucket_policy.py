"""The roles as text: each with what it does and what it may."""

import io

from rich.console import Console

from catalogs.store_roles import STORE_ROLES, StoreRole
from flows.cli.views.bucket_policy import show_roles


def test_a_role_says_what_it_does_and_what_it_may() -> None:
    console = Console(file=io.StringIO(), width=100)
    show_roles(console, [StoreRole("clerk", "reads `letters`", reads=("a/*",), writes=("b/*", "c/*"))])
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line.rstrip() for line in lines[:4]] == [
        "clerk  reads letters", "  reads    a/*", "  writes   b/*, c/*", "  deletes  nothing",
    ]  # fmt: skip


def test_every_role_fits_a_terminal() -> None:
    console = Console(file=io.StringIO(), width=80)
    show_roles(console, STORE_ROLES)
    assert max(len(line) for line in console.file.getvalue().splitlines()) <= 80  # type: ignore[attr-defined]
