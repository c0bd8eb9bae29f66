"""engine models, register, canary, promote, rollback, as they are typed: words, documents, exit codes."""

from pathlib import Path

import pytest

from catalogs import layout
from catalogs.models.comparison import VersionSample
from infra.stores import open_store
from tasks.models.metrics import write_model_samples
from tests.fixtures.command_line import RunCli


def sample(published: int, requests: int = 400, seconds: float = 1.0) -> dict[str, float]:
    """Return the sums of requests that took one image each, in equal times."""
    return vars(
        VersionSample(
            requests=requests, published=published, attempts=requests, generated=requests, seconds=requests * seconds,
            attempts_squared=requests, attempts_of_published=published, seconds_squared=requests * seconds**2,
            generated_squared=requests, seconds_by_generated=requests * seconds,
        )
    )  # fmt: skip


def two_versions(run_cli: RunCli, store: Path) -> None:
    for words in (("register", "card", "--source", "stub/1"), ("promote", "card", 1),
                  ("register", "card", "--source", "stub/2", "--reason", "sharper")):  # fmt: skip
        said = run_cli("engine", *words, "--store", store)
        assert (said.exit_code, said.stderr) == (0, "")


def measured(store: Path, one: dict[str, float], two: dict[str, float]) -> None:
    write_model_samples(
        open_store(str(store)), "r1", [{"version": "card/1", "sample": one}, {"version": "card/2", "sample": two}]
    )


def test_a_model_goes_from_its_first_version_to_its_second_and_back(run_cli: RunCli, tmp_path: Path) -> None:
    empty = run_cli("engine", "models", "--store", tmp_path)
    assert (empty.exit_code, "The registry is empty" in empty.stdout) == (0, True)
    two_versions(run_cli, tmp_path)
    said = run_cli("engine", "canary", "card", 2, 20, "--store", tmp_path)
    assert (said.exit_code, said.stdout) == (
        0,
        "Version 2 of card makes what is new or has changed of 20 % of the SKUs.\n",
    )
    shown = " ".join(run_cli("engine", "models", "--store", tmp_path).stdout.split())
    assert "card 1 production 80 % stub/1 fp32" in shown
    assert "card 2 candidate 20 % stub/2 fp32" in shown
    assert "canary of version 2" in shown
    measured(tmp_path, sample(380), sample(384))
    promoted = run_cli("engine", "promote", "card", 2, "--store", tmp_path, "--reason", "as good")
    assert promoted.exit_code == 0
    words = " ".join(promoted.stdout.split())
    assert "pass rate 0.96 0.95 0.01 0.936 to 0.975 0.924 to 0.967 -0.019" in words
    assert promoted.stdout.endswith("Version 2 of card is in production.\n")
    back = run_cli("engine", "rollback", "card", "--store", tmp_path, "--json")
    assert (back.exit_code, back.document["taken_back"], back.document["production"]) == (0, 2, 1)
    listed = run_cli("engine", "models", "card", "--store", tmp_path, "--json").document["models"]
    assert [(one["version"], one["state"]) for one in listed[0]["versions"]] == [(1, "production"), (2, "retired")]
    assert [one["why"] for one in listed[0]["changes"]] == ["", "", "sharper", "", "as good", ""]


def test_a_worse_candidate_is_refused_with_the_numbers_until_somebody_says_why_it_may_go(
    run_cli: RunCli, tmp_path: Path
) -> None:
    two_versions(run_cli, tmp_path)
    measured(tmp_path, sample(380), sample(300, seconds=1.5))
    refused = run_cli("engine", "promote", "card", 2, "--store", tmp_path)
    assert refused.exit_code == 1
    said = " ".join(refused.stdout.split())
    assert "Refused: pass rate: 0.75 against 0.95, a difference of -0.2 (-0.247" in said
    assert "Refused: GPU-seconds an image: 1.5 against 1" in said
    assert "--accept-worse REASON" in said
    document = run_cli("engine", "promote", "card", 2, "--store", tmp_path, "--json")
    assert (document.exit_code, document.document["promoted"], document.document["production"]) == (1, False, 1)
    assert len(document.document["refused"]) == 3
    done = run_cli("engine", "promote", "card", 2, "--store", tmp_path, "--accept-worse", "half the licence", "--json")
    assert (done.exit_code, done.document["promoted"], done.document["production"]) == (0, True, 2)
    kept = done.document["changes"][-1]["known"]
    assert kept["accepted_worse"] == "half the licence"
    assert [measure["worse"] for measure in kept["comparison"]["measures"]] == [True, True, True]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("canary", "card", 9, 20), "The model 'card' has no version 9; it has 1, 2"),
        (("canary", "card", 2, 33), "The share 33 is none of 5, 20, 50, 100"),
        (("canary", "cards", 2, 20), "no model 'cards' in its registry; it has card"),
        (("promote", "cards", 1), "no model 'cards' in its registry"),
        (("promote", "card", 1), "Version 1 of 'card' is in production already"),
        (("rollback", "card"), "The model 'card' has nothing to go back to: version 1 is the first"),
        (("rollback", "cards"), "no model 'cards' in its registry"),
        (("models", "cards"), "no model 'cards' in its registry"),
        (("register", "card", "--source", "stub/2"), "has these weights at this precision already: version 2"),
        (("register", "Card!", "--source", "stub/2"), "The model's name 'Card!' must be 1 to 63"),
        (("register", "card", "--source", "nowhere"), "--source: 'nowhere' is no folder here, and no hub-id@commit"),
        (
            ("register", "card", "--source", f"a/b@{'0' * 40}", "--weights-digest", "d" * 64),
            "is of the family 'stub'; register 'z-image' under another",
        ),
        (
            ("register", "hub", "--source", f"a/b@{'0' * 40}"),
            "give --weights-digest",
        ),
    ],
)
def test_what_cannot_be_done_ends_in_one_sentence(
    run_cli: RunCli, tmp_path: Path, words: tuple[object, ...], said: str
) -> None:
    two_versions(run_cli, tmp_path)
    before = list(open_store(str(tmp_path)).list(layout.MODELS))
    ended = run_cli("engine", *words, "--store", tmp_path)
    assert (ended.exit_code, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert said in ended.stderr
    assert list(open_store(str(tmp_path)).list(layout.MODELS)) == before
