"""The rehearsal with the small model: real pictures, every awkward row for its reason, and the same after a kill."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.imaging.codecs import decode
from infra.tables import open_tables
from tests.fixtures.chromium import NEEDS_CHROMIUM
from tests.paths import ROOT

pytest.importorskip("diffusers", reason="packshot[torch] is not installed, so nothing can be drawn")

COMMAND = [sys.executable, "-m", "flows.cli", "rehearse", "--json", "--out"]


def rehearse(out: Path) -> dict[str, Any]:
    done = subprocess.run([*COMMAND, str(out)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def staged(out: Path) -> dict[str, bytes]:
    """Return the pixels of each staged image; their files carry tags by the key of their own rehearsal."""
    return {path.name: decode(path.read_bytes()).tobytes() for path in (out / "store" / "staging").rglob("*.png")}


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("whole")
    return out, rehearse(out)


@pytest.mark.slow
def test_most_pictures_pass_and_the_awkward_rows_are_caught_for_their_reasons(
    rehearsal: tuple[Path, dict[str, Any]],
) -> None:
    _, night = rehearsal
    assert night["images"]["generated"] <= 48
    assert night["slots"]["published"] >= 0.75 * night["slots"]["new"]
    rejected = {(reject["column"], reject["reason"].split()[0]) for reject in night["rejects"]}
    assert {column for column, _ in rejected} >= {"sku", "title", "height"}
    assert {night["reasons"][name] for name in ("words.weapons", "words.nudity", "language.unexpected")} == {1}


@pytest.mark.slow
def test_near_duplicates_and_soft_pictures_are_made_again_and_what_is_the_same_is_shared(
    rehearsal: tuple[Path, dict[str, Any]],
) -> None:
    out, night = rehearsal
    rows = open_tables(str(out / "store")).read("manifest/rehearsal", ("sku", "view", "attempt", "object", "pixel_sha"))
    shown = {(row["sku"], row["view"]): row for row in rows.to_pylist()}
    # Two rings of one seed whose captions differ by a word: one of them was drawn again from another seed.
    assert sorted(shown[ring, "front"]["attempt"] for ring in ("RING-911", "RING-912")) == [0, 1]
    assert max(row["attempt"] for (sku, _), row in shown.items() if not sku.startswith("RING")) >= 1
    assert shown["MUG-001", "front"]["pixel_sha"] == shown["MUG-001-OUTLET", "front"]["pixel_sha"]
    assert night["images"]["shared"] == 4


@pytest.mark.slow
def test_products_are_kept_from_photos_and_bad_photos_are_caught_for_their_reasons(
    rehearsal: tuple[Path, dict[str, Any]],
) -> None:
    out, night = rehearsal
    tables = open_tables(str(out / "store"))
    rows = tables.read("manifest/rehearsal", ("sku", "mode", "stage", "kept")).to_pylist()
    kept = {row["sku"]: json.loads(row["kept"]) for row in rows if row["mode"] is not None}
    assert {row["sku"]: row["mode"] for row in rows if row["mode"] is not None} == {
        "OWN-1": "white", "OWN-2": "backdrop", "OWN-3": "backdrop", "OWN-4": "backdrop", "OWN-5": "white"
    }  # fmt: skip
    assert len({row["stage"] for row in rows if row["mode"] == "backdrop"}) == 2, "both stages are used"
    assert {document["scores"]["kept.broken"] for document in kept.values()} == {0}
    waiting = {row["sku"]: row["reasons"] for row in tables.read("outcomes/rehearsal", ("sku", "reasons")).to_pylist()}
    assert {sku: reasons for sku, reasons in waiting.items() if sku.startswith("OWN")} == {
        "OWN-6": ["photo.too-small"], "OWN-7": ["photo.cropped"], "OWN-8": ["photo.missing"]
    }  # fmt: skip
    assert night["photos"]["kept"] == {"white": 2, "backdrop": 3}
    verify = [sys.executable, "-m", "flows.cli", "verify", str(out / "store"), "--kept", "--json"]
    proven = json.loads(subprocess.run(verify, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert (proven["checked"], proven["broken"], proven["undecided"], proven["staged"]) == (5, 0, 0, 5), proven


@pytest.mark.slow
def test_a_second_rehearsal_makes_no_picture(rehearsal: tuple[Path, dict[str, Any]]) -> None:
    out, night = rehearsal
    again = rehearse(out)
    assert (again["images"]["generated"], again["images"]["attempts"]) == (0, 0)
    assert again["release"]["version"] == night["release"]["version"]
    assert again["slots"]["unchanged"] == night["slots"]["published"]


def live(out: Path) -> set[str]:
    rows = open_tables(str(out / "store")).read("manifest/rehearsal", ("sku", "view")).to_pylist()
    return {f"{row['sku']} {row['view']}" for row in rows}


@contextmanager
def opened_console(out: Path) -> Iterator[str]:
    """Run `packshot review` as a process of its own; give the link that it prints."""
    command = [sys.executable, "-m", "flows.cli", "review", "--store", str(out / "store"), "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        yield next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
    finally:
        process.terminate()
        process.wait()


@pytest.mark.slow
@NEEDS_CHROMIUM
def test_what_waits_is_answered_by_keys_and_the_next_rehearsal_publishes_exactly_that(
    rehearsal: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    from tests.fixtures.review_console import running_browser

    out = shutil.copytree(rehearsal[0], tmp_path / "rehearsal")
    before, accepted = live(out), set()
    with opened_console(out) as link, running_browser() as browser:
        page = browser.new_page()
        page.goto(link)
        page.wait_for_url("**/review")
        with page.expect_navigation():
            page.keyboard.press("n")
        while "/items/" in page.url:
            slot = page.locator("h1").inner_text()
            # A background that is not white, a photo that cuts its product off: the others are prompts without a fault.
            digit = {"BOOK": "4", "OWN-": "6"}.get(slot[:4])
            if digit:
                page.keyboard.press("r")
            else:
                accepted.add(slot)
            with page.expect_navigation():
                page.keyboard.press(digit or "a")
    assert accepted == {"LAMP-422 front", "POT-712 front"}
    again = rehearse(out)
    assert again["images"]["generated"] == 2, "no image of a prompt that waited was there before"
    assert live(out) - before == accepted
    assert before <= live(out)
    assert (again["slots"]["published"], again["slots"]["review"]) == (2, 0)
    assert again["reasons"] == {"person.background": 1, "person.cropped": 1}


@pytest.mark.slow
def test_a_killed_rehearsal_goes_on_to_the_same_pictures(
    rehearsal: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    reference = staged(rehearsal[0])
    victim = subprocess.Popen(
        [*COMMAND, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while victim.poll() is None and len(staged(tmp_path)) < 8:
        time.sleep(0.05)
    assert victim.poll() is None, "it ended before it could be killed"
    os.killpg(victim.pid, signal.SIGKILL)
    victim.wait()
    before = staged(tmp_path)
    assert 8 <= len(before) < len(reference)
    [run] = [path.name for path in (tmp_path / "store" / "runs").iterdir()]
    resumed = rehearse(tmp_path)
    assert resumed["run_id"] == run
    assert resumed["images"]["reused"] + resumed["images"]["generated"] == len(reference)
    assert staged(tmp_path) == reference
    # The control: a picture stands under its own key only, and no two are alike.
    assert len(set(reference.values())) == len(reference)
