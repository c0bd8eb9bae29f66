"""View of one image's provenance: its marks, and the manifest rows that it belongs to.

Inputs: the document of `packshot provenance --json`, all of it untrusted text. Outputs: Rich tables on the given
console.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from flows.cli.views.tables import facts_table, new_table, plain_texts, print_line
from tasks.reporting.formatting import format_number, printable

MAX_SKU_CHARACTERS = 40

C2PA_STATE_TEXTS = {
    "absent": "no manifest is in it",
    "unreadable": "there is a manifest, or an image, that cannot be read",
    "invalid": "the signature does not hold",
    "valid": "the signature holds; its signer is not on a list that is trusted here",
    "trusted": "the signature holds, and its signer is trusted here",
}
"""What each state of a signature means."""


def show_provenance(console: Console, document: Mapping[str, Any]) -> None:
    """Print the marks of an image, the problems with them, and the live rows that name the image."""
    c2pa = document["c2pa"]
    signed_at = c2pa["signed_at"] + ("" if c2pa["stamped"] else ", as the signer says")
    facts = {
        "file": document["file"],
        "XMP source type": document["xmp"]["source_type"] or "none",
        "C2PA": f"{c2pa['state']}: {C2PA_STATE_TEXTS[c2pa['state']]}",
    }
    if c2pa["present"] and c2pa["state"] != "unreadable":
        facts |= {"signed as": c2pa["issuer"], "signed at": signed_at, "made with": c2pa["generator"]}
        facts |= {"title": c2pa["title"]}
    if document["watermark"]:
        payload = document["watermark"]["payload"]
        facts["watermark"] = f"{document['watermark']['name']}: {payload or 'nothing is found'}"
    console.print(facts_table(facts), "")
    for problem in document["problems"]:
        print_line(console, ("Problem: ", "red"), printable(problem))
    if document["rows"]:
        table = new_table("catalogue", "SKU", "view", "release", "same", "object", right={"release"})
        for row in document["rows"]:
            slot = plain_texts(row["catalogue"], printable(row["sku"], MAX_SKU_CHARACTERS), row["view"])
            table.add_row(
                *slot, format_number(row["release"]), *plain_texts(row["same"], row.get("url") or row["object"])
            )
        console.print(table)
    elif document["rows"] is not None:
        console.print("No live image of this store is this one.")
