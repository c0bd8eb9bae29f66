"""The command that prints bucket policies: documents that IAM takes, of the bucket that was named."""

import json

import pytest

from catalogs.store_roles import STORE_ROLES
from infra.stores.bucket_policy import LARGEST_MANAGED_POLICY
from tests.fixtures.command_line import RunCli

LONG_STORE = f"s3://{'b' * 63}/{'shop/' * 8}live"


@pytest.mark.parametrize("role", [role.name for role in STORE_ROLES])
def test_a_policy_is_one_document_that_fits_into_a_managed_policy(run_cli: RunCli, role: str) -> None:
    said = run_cli("bucket-policy", role, "--store", LONG_STORE)
    assert (said.exit_code, said.stderr) == (0, "")
    assert len(json.dumps(said.document, separators=(",", ":"))) <= LARGEST_MANAGED_POLICY
    assert all(resource.startswith(f"arn:aws:s3:::{'b' * 63}")
               for statement in said.document["Statement"] for resource in statement["Resource"])  # fmt: skip


def test_without_a_role_all_are_listed(run_cli: RunCli) -> None:
    said = run_cli("bucket-policy")
    assert (said.exit_code, said.stderr) == (0, "")
    assert [role.name for role in STORE_ROLES if role.name not in said.stdout] == []
    assert [one["name"] for one in run_cli("bucket-policy", "--json").document["roles"]] == [
        role.name for role in STORE_ROLES
    ]


def test_an_unknown_role_a_missing_store_and_a_folder_are_refused(run_cli: RunCli) -> None:
    for words, sentence in (
        (("root", "--store", "s3://shop"), "there is no role 'root'"),
        (("auditor",), "--store: say for which bucket"),
        (("auditor", "--store", "/srv/store"), "needs an s3:// store"),
    ):
        said = run_cli("bucket-policy", *words)
        assert said.exit_code in (2, 3), words
        assert sentence in said.stderr
