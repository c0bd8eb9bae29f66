"""View of one image's provenance: its marks, and the manifest rows that it belongs to.

Inputs: the document of `packshot provenance --json`, all of it untrusted text. Outputs: Rich tables on the given
console.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from flows.cli.views.tables import facts_table, new_table, plain_texts, print_line
from tasks.reporting.formatting import format_number, printable

MAX_SKU_CHARACTERS = 40
MAX_PROOF_CHARACTERS = 600

C2PA_STATE_TEXTS = {
    "absent": "no manifest is in it",
    "unreadable": "there is a manifest, or an image, that cannot be read",
    "invalid": "the signature does not hold",
    "valid": "the signature holds; its signer is not on a list that is trusted here",
    "trusted": "the signature holds, and its signer is trusted here",
}
"""What each state of a signature means."""


MODE_TEXTS = {
    "white": "a photo's product on white; no generative model touched it",
    "backdrop": "a photo's product in front of a photographed backdrop; no generative model touched it",
    "stage": "a photo's product in a scene that a model made",
    "scene": "a photo's product, and around it a scene that a model made",
}
"""What each mode of a kept product means."""


def show_provenance(console: Console, document: Mapping[str, Any]) -> None:
    """Print the marks of an image, the problems with them, and the live rows that name the image."""
    c2pa = document["c2pa"]
    signed_at = c2pa["signed_at"] + ("" if c2pa["stamped"] else ", as the signer says")
    facts = {
        "file": document["file"],
        "XMP source type": document["xmp"]["source_type"] or "none",
        "C2PA": f"{c2pa['state']}: {C2PA_STATE_TEXTS[c2pa['state']]}",
    }
    if mode := document["xmp"]["mode"]:
        facts["XMP mode"] = f"{mode}: {MODE_TEXTS.get(mode, 'not a mode that is known here')}"
    if c2pa["present"] and c2pa["state"] != "unreadable":
        facts |= {"signed as": c2pa["issuer"], "signed at": signed_at, "made with": c2pa["generator"]}
        facts |= {"title": c2pa["title"], "what was done": ", ".join(c2pa["actions"])}
        if c2pa["photo"]:
            facts["photo's sha256"] = c2pa["photo"]
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
        show_kept(console, document["rows"])
    elif document["rows"] is not None:
        console.print("No live image of this store is this one.")


def show_kept(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print what rows keep of photos, each proof once."""
    told = {kept["proof"]: kept for row in rows if (kept := row.get("kept"))}
    for proof, kept in told.items():
        stage = f", on the stage {kept['stage_sha']}" if kept.get("stage_sha") else ""
        photo = f"{kept['mode']}, of the photo {kept['photo_sha']}{stage}: " if "mode" in kept else ""
        print_line(console, ("kept    ", "cyan"), printable(photo + proof, MAX_PROOF_CHARACTERS))
