"""Bucket policies: the IAM statements by which S3 lets one role read, write and delete some keys of a store.

Inputs: a bucket's address, and patterns of keys in which `*` stands for any text. Outputs: a policy document for an IAM
user or role. Invariant: it allows and never denies, so that policies add up; it names objects of this store only. What
S3 cannot split by key is granted for the whole bucket: listing names (without that right S3 answers 403 instead of 404
for an object that is not there yet, and an absent marker could not be told from a forbidden one).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from infra.errors import InvalidStoreAddress
from infra.stores.addresses import parse_address

LARGEST_MANAGED_POLICY = 6144
"""Characters that IAM takes in a managed policy, white space not counted."""

_READ = ("s3:GetObject",)
_WRITE = ("s3:PutObject", "s3:AbortMultipartUpload")
_DELETE = ("s3:DeleteObject",)
_LIST = ("s3:ListBucket",)
_OLD_VERSIONS = ("s3:GetBucketVersioning", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads")


def bucket_policy(
    url: str,
    reads: Sequence[str],
    writes: Sequence[str] = (),
    deletes: Sequence[str] = (),
    *,
    deletes_old_versions: bool = False,
) -> dict[str, Any]:
    """Return the policy document of a role on the store at `url` (`s3://bucket/prefix`).

    `deletes_old_versions` adds what a sweep needs in a bucket that keeps old versions, and for uploads that killed
    writers left. Raises `InvalidStoreAddress` for a store that is no bucket.
    """
    address = parse_address(url)
    if address.scheme != "s3":
        raise InvalidStoreAddress(
            f"A bucket policy needs an s3:// store, not {address.url!r}; on a disk use file modes."
        )
    bucket = f"arn:aws:s3:::{address.location}"
    objects = f"{bucket}/{_literal(address.prefix)}/" if address.prefix else f"{bucket}/"
    deletion = (*_DELETE, "s3:DeleteObjectVersion") if deletes_old_versions else _DELETE
    statements = [
        _statement("Names", (*_LIST, *_OLD_VERSIONS) if deletes_old_versions else _LIST, [bucket]),
        *(
            _statement(name, actions, [objects + pattern for pattern in _without_covered(patterns)])
            for name, actions, patterns in (
                ("Reads", _READ, reads),
                ("Writes", _WRITE, writes),
                ("Deletes", deletion, deletes),
            )
            if patterns
        ),
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(name: str, actions: Sequence[str], resources: Sequence[str]) -> Mapping[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _without_covered(patterns: Iterable[str]) -> list[str]:
    """Return the patterns, sorted, without repetitions and without those that another one covers."""
    unique = set(patterns)
    covering = [one.removesuffix("*") for one in unique if one.endswith("*") and "*" not in one[:-1]]
    return sorted(one for one in unique if not any(one.startswith(head) and one != f"{head}*" for head in covering))


def _literal(text: str) -> str:
    """Return text in which IAM takes no character for a wildcard or a variable."""
    return "".join(f"${{{character}}}" if character in "*?$" else character for character in text)
