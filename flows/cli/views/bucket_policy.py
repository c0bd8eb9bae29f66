"""View of a store's roles: what each does and which keys it may read, write and delete.

Inputs: `StoreRole`s. Outputs: text on the given console.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from catalogs.store_roles import StoreRole
from flows.cli.views.tables import facts_table


def show_roles(console: Console, roles: Sequence[StoreRole]) -> None:
    """Print the roles, one after the other."""
    for role in roles:
        console.print(Text.assemble((role.name, "bold"), f"  {role.does.replace('`', '')}"))
        grants = {"reads": role.reads, "writes": role.writes, "deletes": role.deletes}
        console.print(facts_table({f"  {verb}": ", ".join(patterns) or "nothing" for verb, patterns in grants.items()}))
    console.print("packshot bucket-policy ROLE --store s3://… prints the IAM policy of one.")
