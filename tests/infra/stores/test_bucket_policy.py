"""A bucket policy allows what a role names, in its own store, and nothing else."""

import json

import pytest

from infra.errors import InvalidStoreAddress
from infra.stores.bucket_policy import bucket_policy


def test_a_policy_names_objects_below_the_store_and_the_bucket_for_names_alone() -> None:
    policy = bucket_policy("s3://shop/live", ["a/*", "b.json"], ["a/*"], ["a/*.png"])
    statements = {statement["Sid"]: (statement["Action"], statement["Resource"]) for statement in policy["Statement"]}
    assert statements == {
        "Names": (["s3:ListBucket"], ["arn:aws:s3:::shop"]),
        "Reads": (["s3:GetObject"], ["arn:aws:s3:::shop/live/a/*", "arn:aws:s3:::shop/live/b.json"]),
        "Writes": (["s3:PutObject", "s3:AbortMultipartUpload"], ["arn:aws:s3:::shop/live/a/*"]),
        "Deletes": (["s3:DeleteObject"], ["arn:aws:s3:::shop/live/a/*.png"]),
    }
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Allow"}
    assert policy["Version"] == "2012-10-17"


def test_a_role_that_only_reads_has_no_statement_of_writing() -> None:
    policy = bucket_policy("s3://shop", ["*"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["Names", "Reads"]
    assert policy["Statement"][1]["Resource"] == ["arn:aws:s3:::shop/*"]


def test_old_versions_are_deleted_by_the_role_that_sweeps_alone() -> None:
    text = json.dumps(bucket_policy("s3://shop", ["*"], [], ["a/*"], deletes_old_versions=True))
    assert "s3:DeleteObjectVersion" in text
    assert "s3:ListBucketVersions" in text
    assert "Version" not in json.dumps(bucket_policy("s3://shop", ["*"], [], ["a/*"])["Statement"])


def test_patterns_that_another_covers_are_left_out() -> None:
    policy = bucket_policy("s3://shop", ["a/*", "a/*", "a/b/*", "a/*/c.png", "ab/*"])
    assert policy["Statement"][1]["Resource"] == ["arn:aws:s3:::shop/a/*", "arn:aws:s3:::shop/ab/*"]


def test_a_prefix_with_wildcards_means_itself() -> None:
    (_, reads) = bucket_policy("s3://shop/li*ve/$x", ["a/*"])["Statement"]
    assert reads["Resource"] == ["arn:aws:s3:::shop/li${*}ve/${$}x/a/*"]


@pytest.mark.parametrize("url", ["/srv/store", "file:///srv/store", "memory://x"])
def test_a_store_that_is_no_bucket_has_no_policy(url: str) -> None:
    with pytest.raises(InvalidStoreAddress, match="needs an s3:// store"):
        bucket_policy(url, ["*"])
