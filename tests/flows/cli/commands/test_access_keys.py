"""`packshot keys`: a token is printed once, a list shows none, and a revoked one opens nothing."""

from pathlib import Path

import pytest

from flows.wiring.open_store import open_for_writing
from infra.settings import Settings
from infra.stores import open_store
from tasks.access.access_keys import AccessKeyring
from tests.fixtures.command_line import RunCli


@pytest.fixture
def store(tmp_path: Path) -> str:
    opened, _ = open_for_writing(f"file://{tmp_path}/store", Settings(), create=True)
    return opened.url


def test_a_mistyped_store_is_named_and_made_only_where_that_is_meant(run_cli: RunCli, tmp_path: Path) -> None:
    for words in (("add", "ann"), ("list",), ("revoke", "ann")):
        said = run_cli("keys", *words, "--store", tmp_path / "none")
        assert (said.exit_code, "--store: there is no store at file://" in said.stderr) == (2, True), said.stderr
    assert not (tmp_path / "none").exists()
    assert run_cli("keys", "add", "ann", "--create", "--store", tmp_path / "none").exit_code == 0
    assert len(run_cli("keys", "list", "--store", tmp_path / "none", "--json").document["keys"]) == 1


def test_a_key_is_made_listed_and_revoked(run_cli: RunCli, store: str) -> None:
    said = run_cli("keys", "add", "ann", "--scope", "look,release", "--expires", 30, "--store", store, "--json")
    assert said.exit_code == 0
    token, key = said.document["token"], said.document["key"]
    assert (key["name"], key["scopes"]) == ("ann", ["look", "release"])
    found = AccessKeyring(open_store(store)).find_by_token(token)
    assert found is not None
    assert found.id == key["id"]
    listed = run_cli("keys", "list", "--store", store, "--json")
    assert [(each["name"], each["active"]) for each in listed.document["keys"]] == [("ann", True)]
    assert token not in listed.stdout + run_cli("keys", "list", "--store", store).stdout
    assert run_cli("keys", "revoke", "ann", "--store", store, "--json").document["revoked"][0]["id"] == key["id"]
    assert AccessKeyring(open_store(store)).find_by_token(token) is None
    assert run_cli("keys", "list", "--store", store, "--json").document["keys"][0]["active"] is False


def test_a_person_s_token_is_printed_to_be_copied(run_cli: RunCli, store: str) -> None:
    said = run_cli("keys", "add", "ann", "--store", store)
    assert said.stdout.startswith("ann may look, answer. The token, which is not shown again:\n\npackshot_")
    assert "revoked" in run_cli("keys", "revoke", "ann", "--store", store).stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "ann", "--scope", "look,admin"), "--scope: 'admin' is no scope; give some of look, answer"),
        (("add", " "), "NAME: ' ' is no name of a person"),
        (("add", "ann", "--expires", "0"), "--expires"),
        (("add", "ann", "--expires", "36501"), "--expires': Input should be less than or equal to 36500"),
        (("revoke", "bob"), "NAME: 'bob' has no key that opens anything; nobody has."),
    ],
)
def test_what_is_wrong_is_named(run_cli: RunCli, store: str, words: tuple[str, ...], sentence: str) -> None:
    said = run_cli("keys", *words, "--store", store)
    assert said.exit_code == 2
    assert sentence in said.stderr
