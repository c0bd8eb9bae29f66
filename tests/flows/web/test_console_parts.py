"""The console's parts lie at addresses of their own, and every route of theirs asks for a scope."""

from flows.web.app import check_scopes
from flows.web.console_parts import console_parts


def test_parts_have_names_and_addresses_of_their_own_and_no_open_route() -> None:
    parts = console_parts()
    assert len({part.path for part in parts}) == len({part.name for part in parts}) == len(parts)
    for part in parts:
        assert part.path == "" or part.path.startswith("/")
        check_scopes(part.router)
