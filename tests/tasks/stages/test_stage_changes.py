"""Scenes are offered to a library and answered by people: what is blocked is not added, and nothing is lost."""

from contextlib import suppress
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.stages.stage import StageState
from infra.imaging.codecs import pixel_sha
from infra.interfaces import ObjectStore
from infra.stores.local import LocalStore
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.stages.stage_changes import SceneTerms, StageOffers, answer_stages, not_read
from tasks.stages.stage_libraries import read_library
from tasks.stages.stage_pictures import read_stage_picture
from tests.fixtures.stage_scenes import default_gate, empty_scene, occupied_scene

TERMS = SceneTerms("photo", "ann", ("mugs",), "left", {"fill": 0.5, "foot": 0.8})


def offers(store: ObjectStore, terms: SceneTerms = TERMS) -> StageOffers:
    return StageOffers(store, "shop", default_gate(), terms)


def test_a_scene_is_added_as_a_proposal_with_what_was_said_and_measured(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    offered = offers(store).offer("oak", empty_scene(), {"file": "oak.jpg"})
    (stage,) = read_library(store, "shop").stages
    assert offered.stage == stage
    assert (stage.state, stage.origin, stage.added_by, stage.categories) == ("proposed", "photo", "ann", ("mugs",))
    assert (stage.fill, stage.least_fill, stage.centre, stage.foot, stage.light) == (0.5, 0.3, 0.5, 0.8, "left")
    assert (stage.width, stage.height, stage.sha256) == (1100, 1024, pixel_sha(empty_scene()))
    assert (stage.scores["zone.object"], stage.reasons, stage.source) == (0, (), {"file": "oak.jpg"})
    assert read_stage_picture(store, stage.sha256).shape == (1024, 1100, 3)


def test_a_blocked_scene_leaves_nothing_behind(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    offered = offers(store).offer("ball", occupied_scene(), {})
    assert (offered.stage, offered.decision, offered.reasons) == (None, "BLOCK", ("stage.zone-occupied",))
    assert list(store.list("")) == []
    assert offered.document()["added"] is False


def test_a_doubt_is_kept_with_the_stage(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    offered = offers(store).offer("small", empty_scene()[:900, :900], {}, doubts=["words.weapons"])
    assert (offered.decision, offered.reasons) == ("REVIEW", ("stage.too-small", "words.weapons"))
    assert read_library(store, "shop").stages[0].reasons == ("stage.too-small", "words.weapons")


def test_a_name_or_a_picture_that_is_there_is_refused_before_it_is_measured(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    offers(store).offer("oak", empty_scene(), {})
    for name, pixels, sentence in (
        ("oak", empty_scene(200), "a stage 'oak' already"),
        ("o", empty_scene(), "as 'oak'"),
    ):
        with pytest.raises(OptionError, match=sentence):
            offers(store).offer(name, pixels, {})
    assert len(list(store.list(layout.STAGE_IMAGES))) == 1


@pytest.mark.parametrize(
    ("name", "placement", "sentence"),
    [
        ("Oak", {}, "--name: "),
        ("oak", {"fill": 1.2}, "--fill: "),
        ("oak", {"least_fill": 0.0}, "--least-fill: "),
        ("oak", {"centre": 0.1}, "fill 0.6 and centre 0.1 leaves"),
    ],
)
def test_what_no_stage_can_say_names_the_option(name: str, placement: dict[str, float], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        SceneTerms("photo", "ann", placement=placement).stage(name)


def test_a_crash_at_any_step_leaves_no_library_that_names_a_missing_picture(tmp_path: Path) -> None:
    for step in range(1, 12):
        store = LocalStore(tmp_path / str(step))
        faults = FaultInjector(step)
        with suppress(InjectedFault):
            offers(FaultyStore(store, faults)).offer("oak", empty_scene(), {})
        for stage in read_library(store, "shop").stages:
            assert store.exists(layout.stage_image(stage.sha256))
        if not faults.has_failed:
            break
    else:
        pytest.fail("no offer came to its end")


def test_answers_are_kept_with_their_person_all_or_none(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    offers(store).offer("oak", empty_scene(), {})
    offers(store).offer("ash", empty_scene(200), {})
    with pytest.raises(OptionError, match="no stage 'elm'"):
        answer_stages(store, "shop", ["oak", "elm"], StageState.APPROVED, "bob")
    assert {stage.state for stage in read_library(store, "shop").stages} == {StageState.PROPOSED}
    sha = pixel_sha(empty_scene(200))
    answered = answer_stages(store, "shop", ["oak", sha[:8]], StageState.APPROVED, "bob")
    assert [(stage.name, stage.state, stage.answered_by) for stage in answered] == [
        ("oak", "approved", "bob"), ("ash", "approved", "bob")
    ]  # fmt: skip
    assert answered[0].answered_at is not None


def test_a_stage_whose_picture_a_sweep_has_deleted_is_not_approved(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    offered = offers(store).offer("oak", empty_scene(), {})
    answer_stages(store, "shop", ["oak"], StageState.REFUSED, "bob")
    assert offered.stage is not None
    store.delete([layout.stage_image(offered.stage.sha256)])
    with pytest.raises(OptionError, match="picture of the stage 'oak' is gone: it was refused for long; add it anew"):
        answer_stages(store, "shop", ["oak"], StageState.APPROVED, "bob")


def test_a_stage_whose_picture_was_replaced_is_not_approved(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    offered, other = (offers(store).offer(name, empty_scene(level), {}) for name, level in (("oak", 180), ("ash", 200)))
    assert offered.stage is not None
    assert other.stage is not None
    store.write(layout.stage_image(offered.stage.sha256), store.read(layout.stage_image(other.stage.sha256)))
    with pytest.raises(OptionError, match=r"'oak' cannot be approved: .* holds other pixels than its name says"):
        answer_stages(store, "shop", ["oak"], StageState.APPROVED, "bob")
    answer_stages(store, "shop", ["ash"], StageState.APPROVED, "bob")


def test_a_scene_that_could_not_be_read_says_why() -> None:
    assert not_read("x", "photo.unreadable", "cut short").document() == {
        "name": "x", "added": False, "decision": "BLOCK", "reasons": ["photo.unreadable"], "sentences": ["cut short"],
        "stage": None,
    }  # fmt: skip
