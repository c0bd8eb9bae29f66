"""What was proven again is said in two lines, and what was not with its reasons."""

import io

from rich.console import Console

from flows.cli.views.kept_verification import proof_progress, show_kept_verification
from tasks.maintenance.kept_check import KeptCheck, KeptFinding
from tasks.maintenance.verify_kept import KeptVerification

ROW = {"sku": "[red]MUG", "view": "front", "variant": "a", "index": 0, "object": "published/x.jpg"}


def shown(result: KeptVerification) -> str:
    face = Console(file=io.StringIO(), width=160, color_system=None)
    show_kept_verification(face, result)
    assert isinstance(face.file, io.StringIO)
    return " ".join(face.file.getvalue().split())


def checked(*checks: KeptCheck) -> KeptVerification:
    result = KeptVerification("home", 42, total=len(checks))
    for check in checks:
        result.add(ROW, check)  # type: ignore[arg-type]
    return result


def test_a_sound_release_is_said_with_how_it_was_compared() -> None:
    text = shown(checked(KeptCheck(staged=True, unscaled=True), KeptCheck()))
    assert "2 images of release 42 of home: the product of each was proven again from its photo." in text
    assert "1 at scale 1, 1 resampled; 1 compared to the pixel before their JPEG" in text


def test_what_does_not_hold_is_counted_and_named() -> None:
    broken = KeptCheck((KeptFinding("core.mask-differs", "another mask"),))
    gone = KeptCheck((KeptFinding("kept.photo-gone", "the photo is gone", undecided=True),))
    text = shown(checked(broken, gone, gone))
    assert "1 broken, 2 undecided of 3, release 42 of home" in text
    assert "kept.photo-gone 2 core.mask-differs 1" in text
    assert "[red]MUG front a 0 broken core.mask-differs: another mask" in text


def test_a_release_without_photos_has_nothing_to_prove() -> None:
    assert shown(KeptVerification("home", 42)).startswith("No live image of release 42 of home keeps a photo's product")


def test_a_bar_is_drawn_on_a_terminal_alone() -> None:
    face = Console(file=io.StringIO(), force_terminal=False)
    with proof_progress(face) as progress:
        progress(1, 2)
    assert isinstance(face.file, io.StringIO)
    assert face.file.getvalue() == ""


def test_a_warning_is_said_beside_a_sound_release() -> None:
    gone = KeptFinding("stage.gone", "the picture is not there", undecided=True)
    result = checked(KeptCheck(staged=True, warnings=(gone,)), KeptCheck())
    text = shown(result)
    assert result.sound
    assert "the product of each was proven again from its photo. 1 with a warning: of their ground something" in text
    assert "[red]MUG front: stage.gone: the picture is not there" in text
    assert "warning" not in shown(checked(KeptCheck()))
