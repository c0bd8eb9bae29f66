"""`packshot review stats`: the same figures on a screen and as JSON."""

from pathlib import Path

from tests.fixtures.answered_shop import answered_shop
from tests.fixtures.command_line import RunCli


def test_statistics_of_answers_as_json_and_on_a_screen(run_cli: RunCli, tmp_path: Path) -> None:
    answered_shop(tmp_path)
    found = run_cli("review", "stats", "--store", tmp_path, "--json").document
    assert (found["answers"], found["overturned"]["images"], found["overturned"]["count"]) == (60, 60, 30)
    [limit] = found["limits"]
    assert (limit["score"], limit["limit"], limit["images"]) == ("blur.foreground", 7, 60)
    assert limit["accepted_median"] > 5.5 > limit["refused_median"]
    screen = run_cli("review", "stats", "--store", tmp_path)
    assert screen.exit_code == 0
    for part in ("60 answers to 60 images", "blurred", "38% to 62%", "blur.foreground", "ada", "2.5 s an answer"):
        assert part in screen.stdout, part


def test_a_month_is_a_month_and_nothing_is_no_error(run_cli: RunCli, tmp_path: Path) -> None:
    answered_shop(tmp_path)
    said = run_cli("review", "stats", "--store", tmp_path, "--since", "26-1")
    assert (said.exit_code, "--since: '26-1' is no month" in said.stderr) == (2, True)
    said = run_cli("review", "stats", "--store", tmp_path, "--since", "2031-01")
    assert (said.exit_code, "Nobody has answered anything yet" in said.stdout) == (0, True)
