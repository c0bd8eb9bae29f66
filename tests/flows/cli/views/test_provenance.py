"""One image's marks and rows are shown, and everything in a file is untrusted text."""

import io
from typing import Any

import pytest
from rich.console import Console

from flows.cli.views.provenance import C2PA_STATE_TEXTS, show_provenance

HOSTILE = "[bold]x[/] :boom: \x1b[2J"
SHOWN = "[bold]x[/] :boom: \\x1b[2J"


def document(**values: Any) -> dict[str, Any]:
    c2pa = {
        "present": True, "state": "valid", "issuer": "Shop", "signed_at": "2026-11-22T02:00:00+00:00", "stamped": False,
        "generator": "Packshot", "title": "mug", "actions": ("created",), "photo": "",
    }  # fmt: skip
    return {
        "file": "mug.jpg", "xmp": {"source_type": None, "mode": None}, "c2pa": c2pa, "watermark": None,
        "problems": [], "rows": None, **values,
    }  # fmt: skip


def shown(values: dict[str, Any]) -> str:
    face = Console(file=io.StringIO(), width=200, color_system=None)
    show_provenance(face, values)
    assert isinstance(face.file, io.StringIO)
    return " ".join(face.file.getvalue().split())


@pytest.mark.parametrize("state", C2PA_STATE_TEXTS)
def test_every_state_of_a_signature_is_explained(state: str) -> None:
    text = shown(document(c2pa=document()["c2pa"] | {"state": state}))
    assert f"{state}: {C2PA_STATE_TEXTS[state]}" in text
    assert ("signed as Shop" in text) == (state != "unreadable")


def test_a_time_without_a_stamp_is_the_signers_word() -> None:
    assert "02:00:00+00:00, as the signer says" in shown(document())
    assert "as the signer says" not in shown(document(c2pa=document()["c2pa"] | {"stamped": True}))


def test_rows_of_the_manifest_are_listed_and_none_is_said() -> None:
    row = {"catalogue": "home", "sku": "MUG-1", "view": "front", "release": 42, "same": "file", "object": "published/x"}
    assert "home MUG-1 front 42 file published/x" in shown(document(rows=[row]))
    assert "No live image of this store is this one." in shown(document(rows=[]))


def test_an_edit_of_a_photo_names_its_mode_the_photo_and_what_was_done() -> None:
    c2pa = document()["c2pa"] | {"actions": ("opened", "edited"), "photo": "ab" * 32}
    text = shown(document(c2pa=c2pa, xmp={"source_type": None, "mode": "white"}))
    assert "XMP mode white: a photo's product on white; no generative model touched it" in text
    assert f"photo's sha256 {'ab' * 32}" in text
    assert "what was done opened, edited" in text
    assert "elsewhere: not a mode that is known here" in shown(document(xmp={"source_type": None, "mode": "elsewhere"}))


def test_what_rows_keep_is_said_once_with_its_proof() -> None:
    row = {"catalogue": "home", "sku": "MUG-1", "view": "front", "release": 42, "same": "file", "object": "published/x"}
    kept = {"mode": "white", "photo_sha": "ab" * 32, "proof": "The core was resampled."}
    text = shown(document(rows=[row | {"kept": kept}, row | {"kept": kept}, row | {"kept": None}]))
    assert text.count(f"kept white, of the photo {'ab' * 32}: The core was resampled.") == 1
    staged = shown(document(rows=[row | {"kept": {**kept, "mode": "stage", "stage_sha": "5e" * 32}}]))
    assert f"kept stage, of the photo {'ab' * 32}, on the stage {'5e' * 32}: The core" in staged
    assert "kept unreadable" in shown(document(rows=[row | {"kept": {"proof": "unreadable"}}]))


def test_hostile_text_is_printed_as_it_is() -> None:
    watermark = {"name": HOSTILE, "payload": HOSTILE}
    text = shown(document(file=HOSTILE, watermark=watermark, problems=[HOSTILE]))
    assert text.count(SHOWN) == 4
    assert "\x1b" not in text
