"""An engine fits a machine and is trusted, or there is a reason why not; nothing of it is loaded to find out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.models.engine_artifacts import EngineArtifact
from catalogs.models.engine_selection import EngineRequirements, GpuPlatform, explain_selection, select_engine
from tests.fixtures.engine_artifacts import (
    H100,
    H200,
    PASSED_PARITY,
    REQUIREMENTS,
    WEIGHTS_DIGEST,
    build_manifest,
    export_manifest,
    make_engine_artifact,
)

L4 = GpuPlatform("11.4.0", "NVIDIA L4", (8, 9))
T4 = GpuPlatform("11.4.0", "Tesla T4", (7, 5))


def trusted(_: EngineArtifact) -> None:
    return None


def test_the_newest_engine_that_fits_is_taken():
    cards = [
        make_engine_artifact(1),
        make_engine_artifact(2),
        make_engine_artifact(3, build_manifest(gpu="NVIDIA L4", compute_capability=[8, 9])),
    ]
    choice = select_engine(cards, REQUIREMENTS, trusted)
    assert choice.artifact is not None
    assert choice.artifact.version == 2
    assert choice.incompatibilities == {3: "it was built for NVIDIA L4, and this is NVIDIA H200"}


@pytest.mark.parametrize(
    ("card", "need", "reason"),
    [
        (make_engine_artifact(), EngineRequirements("e" * 64, "bf16", (), H200), "it is of other weights"),
        (
            make_engine_artifact(),
            EngineRequirements(WEIGHTS_DIGEST, "fp32", (), H200),
            "it computes in bf16, not in fp32",
        ),
        (make_engine_artifact(document=export_manifest()), REQUIREMENTS, "it holds graphs and no plans"),
        (
            make_engine_artifact(),
            EngineRequirements(WEIGHTS_DIGEST, "bf16", (), None),
            "there is no TensorRT on this machine",
        ),
        (
            make_engine_artifact(document=build_manifest(tensorrt="11.5.0")),
            REQUIREMENTS,
            "it was built by TensorRT 11.5.0, and this is 11.4.0",
        ),
        (
            make_engine_artifact(),
            EngineRequirements(WEIGHTS_DIGEST, "bf16", (), H100),
            "it was built for NVIDIA H200, and this is NVIDIA H100",
        ),
        (
            make_engine_artifact(),
            EngineRequirements(WEIGHTS_DIGEST, "bf16", ((512, 512), (64, 64)), H200),
            "it has no profile for 512x512, 64x64",
        ),
        (
            make_engine_artifact(files=(), state="building"),
            REQUIREMENTS,
            "gpu-1 is putting it in, or was stopped while doing so",
        ),
        (
            make_engine_artifact(state="building", parity=None),
            REQUIREMENTS,
            "it is not verified: `packshot engine verify` does",
        ),
        (
            make_engine_artifact(
                state="refused", parity=PASSED_PARITY.model_copy(update={"passed": False, "max_abs_diff": 0.26})
            ),
            REQUIREMENTS,
            "it is refused: it differs by 0.26, and 0.05 is allowed",
        ),
        (
            make_engine_artifact(
                state="refused", parity=PASSED_PARITY.model_copy(update={"passed": False, "max_abs_diff": None})
            ),
            REQUIREMENTS,
            "it is refused: its outputs are not numbers",
        ),
    ],
)
def test_an_engine_that_does_not_fit_says_why(card: EngineArtifact, need: EngineRequirements, reason: str):
    assert select_engine([card], need, trusted).incompatibilities == {1: reason}
    assert select_engine([card], need, trusted).artifact is None


@pytest.mark.parametrize(
    ("compatibility", "fitting"),
    [("none", {H200}), ("same-compute-capability", {H200, H100}), ("ampere-plus", {H200, H100, L4})],
)
def test_how_far_a_plan_reaches_is_what_it_was_built_for(compatibility: str, fitting: set[GpuPlatform]):
    card = make_engine_artifact(document=build_manifest(compatibility=compatibility))
    found = {
        each
        for each in (H200, H100, L4, T4)
        if select_engine([card], EngineRequirements(WEIGHTS_DIGEST, "bf16", (), each), trusted).artifact is not None
    }
    assert found == fitting


def test_a_report_hears_of_every_engine_that_was_passed_over():
    cards = [
        make_engine_artifact(1, build_manifest(tensorrt="11.5.0")),
        make_engine_artifact(2, state="building", parity=None),
    ]
    assert explain_selection("turbo", select_engine(cards, REQUIREMENTS, trusted)) == (
        "no engine of 'turbo' fits (version 1: it was built by TensorRT 11.5.0, and this is 11.4.0; "
        "version 2: it is not verified: `packshot engine verify` does)"
    )
    assert (
        explain_selection("turbo", select_engine([], REQUIREMENTS, trusted))
        == "there is no engine of 'turbo' in the store"
    )


@given(
    st.lists(st.sampled_from(["ready", "building", "refused"]), max_size=6),
    st.sampled_from([H200, H100, T4, None]),
    st.sampled_from(["bf16", "fp32"]),
)
def test_every_engine_is_chosen_or_explained_and_only_ready_ones_are_chosen(
    states: list[Any], machine: GpuPlatform | None, precision: str
):
    cards = [make_engine_artifact(number, state=state) for number, state in enumerate(states, 1)]
    choice = select_engine(cards, EngineRequirements(WEIGHTS_DIGEST, precision, ((1024, 1024),), machine), trusted)
    fitting = set(range(1, len(cards) + 1)) - choice.incompatibilities.keys()
    assert all(states[number - 1] == "ready" for number in fitting)
    assert (choice.artifact.version if choice.artifact else None) == max(fitting, default=None)


def test_s4_an_engine_that_is_not_trusted_is_passed_over_with_the_reason():
    cards = [make_engine_artifact(1), make_engine_artifact(2)]
    choice = select_engine(cards, REQUIREMENTS, lambda card: "nobody vouches for it" if card.version == 2 else None)
    assert choice.artifact == cards[0]
    assert choice.incompatibilities == {2: "nobody vouches for it"}


@pytest.mark.parametrize(
    "parity",
    [None, *(PASSED_PARITY.model_copy(update=change) for change in (
        {"passed": False}, {"cases": 0}, {"max_abs_diff": None}, {"max_abs_diff": 0.06}, {"max_abs_diff": float("nan")},
        {"runtime": "onnxruntime"},
    ))],
)  # fmt: skip
def test_s4_ready_is_only_a_word_without_a_verification_that_passed(parity: Any):
    (reason,) = select_engine([make_engine_artifact(parity=parity)], REQUIREMENTS, trusted).incompatibilities.values()
    assert reason == "it is called ready without a verification that passed: `packshot engine verify` does"
