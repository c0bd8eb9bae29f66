"""Rights in a bucket: each role's keys reach the kinds of keys that are its own, and are refused all others.

Moto with IAM switched on answers; `tests/fixtures/bucket_roles.py` says what it checks and what it does not. What was
reached from each position: docs/architecture/trust.md.
"""

from collections.abc import Callable
from typing import Any

import pytest

from catalogs import layout
from catalogs.retention_classes import OTHER, RETENTION_CLASSES, retention_class
from catalogs.store_roles import matches
from tests.fixtures.bucket_roles import ADMINISTRATOR, BUCKET, ROLES, RoleBucket, role_bucket

__all__ = ["role_bucket"]

pytestmark = pytest.mark.slow

SHA = "ab" * 32
KEYS = (
    layout.staged_image(SHA),
    layout.finished_image(SHA, SHA),
    layout.kept_document(SHA),
    layout.source_photo(SHA, "jpg"),
    layout.cutout_mask(SHA, SHA),
    layout.photo_index("c"),
    layout.scores(SHA, SHA, SHA),
    layout.stage_image(SHA),
    layout.stage_change("l", 1),
    layout.published_image("c", "sku", "front", "a", 0, SHA),
    f"{layout.manifest_table('c')}/_delta_log/{0:020}.json",
    f"{layout.outcomes_table('c')}/_delta_log/{0:020}.json",
    layout.fingerprints("c", "r"),
    layout.RunFiles("r").policy,
    layout.RunFiles("r").record("1-000001"),
    layout.run_archive("2026-11", "x"),
    layout.open_run("c", "r"),
    layout.open_manifest_change("c", "r"),
    f"{layout.run_lease('c', 'r')}/1.json",
    f"{layout.engine_lease('m', 'd')}/1.json",
    layout.retention_watermark("c"),
    layout.deletion_mark("c", "s"),
    layout.review_image("c", SHA, SHA),
    layout.review_index("c", "r"),
    layout.person_decision("c", "r", "channels"),
    layout.answer_snapshot("c", 1),
    layout.answer_archive("c", "2026-11", "x"),
    layout.approval_snapshot("c", 1),
    layout.policy_record("c", 1),
    layout.shop_brands("c", 1),
    layout.purge_record("c", "x"),
    layout.access_key("ab" * 8),
    layout.access_log("2026-11-30", "s"),
    layout.model_change("m", 1),
    layout.model_sample("m", "r"),
    layout.engine_artifact("m", 1),
    layout.engine_file("m", 1, "transformer/model.plan"),
    layout.STORE_VERSION,
    f"{layout.PROBE_OBJECTS}x",
    "not-packshots.txt",
)
"""A key of every kind, and one that is none of Packshot's."""


def test_a_key_of_every_kind_is_tried() -> None:
    assert {retention_class(key).name for key in KEYS} == {kind.name for kind in (*RETENTION_CLASSES, OTHER)}


NAMES = [*(f"live/{key}" for key in KEYS), "other-store/staging/x.png"]


@pytest.fixture(scope="module")
def objects(role_bucket: RoleBucket) -> Callable[[str], None]:
    """Write an object under every name; return what writes one of them again."""
    owner = role_bucket.client(ADMINISTRATOR)

    def write(name: str) -> None:
        owner.put_object(Bucket=BUCKET, Key=name, Body=b"before")

    for name in NAMES:
        write(name)
    return write


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reads_writes_and_deletes_what_is_its_own_and_is_refused_the_rest(
    role_bucket: RoleBucket, objects: Callable[[str], None], role: str
) -> None:
    client = role_bucket.client(role)

    def granted(verb: str, name: str) -> bool:
        patterns = [pattern for one in ROLES[role] for pattern in getattr(one, verb)]
        return any(matches(f"live/{pattern}", name) for pattern in patterns)

    for verb, method, arguments in (
        ("reads", "get_object", {}),
        ("writes", "put_object", {"Body": b"after"}),
        ("writes", "create_multipart_upload", {}),
        ("deletes", "delete_object", {}),
    ):
        reached = [name for name in NAMES if is_allowed(client, method, Key=name, **arguments)]
        assert reached == [name for name in NAMES if granted(verb, name)], method
    for name in reached:
        objects(name)


def is_allowed(client: Any, method: str, **arguments: Any) -> bool:
    """Tell whether a request succeeds; any other refusal than for want of rights fails the test."""
    from botocore.exceptions import ClientError

    try:
        getattr(client, method)(Bucket=BUCKET, **arguments)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
            raise
        return False
    return True


@pytest.mark.parametrize("role", ROLES)
def test_no_role_changes_the_bucket_or_its_rights(role_bucket: RoleBucket, role: str) -> None:
    from botocore.exceptions import ClientError

    client = role_bucket.client(role)
    for change in (
        lambda: client.put_bucket_policy(Bucket=BUCKET, Policy="{}"),
        lambda: client.put_object_acl(Bucket=BUCKET, Key="live/published/x", ACL="public-read"),
        lambda: client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}),
        lambda: client.delete_bucket(Bucket=BUCKET),
        lambda: client.create_bucket(Bucket="another"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            change()


def test_keys_that_nobody_gave_out_and_wrong_secrets_reach_nothing(role_bucket: RoleBucket) -> None:
    from botocore.exceptions import ClientError

    key, secret = role_bucket.keys["pipeline"]
    for stranger in (("AKIANOBODY", secret), (key, "guessed")):
        with pytest.raises(ClientError, match=r"SignatureDoesNotMatch|InvalidAccessKeyId"):
            RoleBucket(role_bucket.endpoint, {"stranger": stranger}).client("stranger").get_object(
                Bucket=BUCKET, Key="live/published/x"
            )
