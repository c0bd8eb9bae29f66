"""`packshot policy calibrate --from-answers`: what would have agreed with people, with its cost, as a policy."""

from pathlib import Path

from catalogs.policy.answer_calibration import MINIMUM_ANSWERS
from catalogs.policy.schema import load_policy
from tests.fixtures.answered_shop import SCORE, answered_shop
from tests.fixtures.command_line import RunCli


def test_the_proposal_agrees_with_people_and_is_written_as_a_policy(run_cli: RunCli, tmp_path: Path) -> None:
    answered_shop(tmp_path / "store")
    command = ("policy", "calibrate", "--from-answers", "--store", tmp_path / "store")
    said = run_cli(*command, "--out", tmp_path / "mine.yaml", "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    [line] = said.document["lines"]
    assert (line["score"], line["present"], line["proposed"]) == (SCORE, 7, 5.5)
    assert (line["now"]["needless"], line["then"]["needless"], line["then"]["misses"]) == (30, 0, 0)
    assert line["then"]["miss_rate"]["high"] > 0.1
    [rule] = [each for each in load_policy((tmp_path / "mine.yaml").read_text(), "mine").image if each.score == SCORE]
    assert (rule.review_below, rule.source.startswith("60 answered images of shoes")) == (5.5, True)
    screen = run_cli(*command)
    assert "60 answered images" in screen.stdout
    assert "30 (to 6" in screen.stdout
    assert f"fewer than {MINIMUM_ANSWERS} answers" in screen.stdout


def test_too_few_answers_and_two_origins_are_refused(run_cli: RunCli, tmp_path: Path) -> None:
    answered_shop(tmp_path / "store", 10)
    said = run_cli("policy", "calibrate", "--from-answers", "--store", tmp_path / "store")
    assert (said.exit_code, f"needs {MINIMUM_ANSWERS} answered images" in said.stderr) == (2, True)
    said = run_cli("policy", "calibrate", "--from-answers", "--from-folder", tmp_path)
    assert (said.exit_code, "give one of them" in said.stderr) == (2, True)
    said = run_cli("policy", "calibrate", "--from-answers")
    assert (said.exit_code, "--from-answers: name the store" in said.stderr) == (2, True)
