"""Command bucket-policy: what each role may do in a bucket, as a table or as one role's IAM policy.

Inputs: the name of a role, and a store's URL. Outputs: an IAM policy document on stdout, or the roles as a table. The
store is not asked.
"""

from dataclasses import asdict
from typing import Annotated

import typer

from catalogs.errors import OptionError
from flows.cli import options
from flows.cli.console import open_console, print_json


def bucket_policy(
    role: Annotated[
        str | None, typer.Argument(help="The role whose policy is printed; by default all are listed")
    ] = None,
    store: Annotated[
        str | None, typer.Option("--store", envvar="PACKSHOT_STORE", help="The bucket, s3://bucket/prefix")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Print the IAM policy that gives a role its rights in a bucket and no more, or list the roles."""
    from catalogs.store_roles import STORE_ROLES, store_role
    from flows.cli.views.bucket_policy import show_roles
    from infra.stores.bucket_policy import bucket_policy as policy_document

    if role is None and as_json:
        print_json({"roles": [asdict(one) for one in STORE_ROLES]})
    elif role is None:
        show_roles(open_console(), STORE_ROLES)
    else:
        chosen = store_role(role)
        if store is None:
            raise OptionError(f"--store: say for which bucket the policy of {role!r} is, s3://bucket/prefix")
        versions = chosen.deletes_old_versions
        print_json(policy_document(store, chosen.reads, chosen.writes, chosen.deletes, deletes_old_versions=versions))
