"""`packshot review export` and `import`: a file goes out, comes back answered, whole or not at all."""

import csv
import json
import re
from pathlib import Path

import pytest

from tasks.answers.answer_log import read_answers
from tests.fixtures.command_line import RunCli
from tests.fixtures.review_scenarios import ReviewScenario
from tests.fixtures.store_scenarios import CATALOGUE


@pytest.fixture
def shop(tmp_path: Path) -> ReviewScenario:
    scenario = ReviewScenario(tmp_path / "store")
    scenario.release("r1", {"shirt/front": "white"})
    scenario.wait({"[bold]mug/front": "red", "cap/front": "blue"})
    return scenario


def rewrite(file: Path, **changes: dict[str, str]) -> None:
    """Answer the rows of some SKUs."""
    rows = list(csv.DictReader(file.open(encoding="utf-8-sig", newline="")))
    with file.open("w", encoding="utf-8-sig", newline="") as output:
        writer = csv.DictWriter(output, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | changes.get(row["sku"].removeprefix("[bold]"), {}) for row in rows)


def test_a_file_goes_out_and_comes_back_answered(run_cli: RunCli, shop: ReviewScenario, tmp_path: Path) -> None:
    file, place = tmp_path / "waiting.csv", ("--store", tmp_path / "store", "--catalogue", CATALOGUE)
    assert run_cli("review", "export", file, *place, "--json").document["rows"] == 2
    assert "is there already; give a name that is not" in run_cli("review", "export", file, *place).stderr
    assert "lies in the store" in run_cli("review", "export", tmp_path / "store/x.csv", *place).stderr
    assert "cannot be written" in run_cli("review", "export", tmp_path / "none/x.csv", *place).stderr
    rewrite(file, mug={"kind": "accept", "who": "ben"}, cap={"kind": "refuse", "reason": "ugly"})
    said = run_cli("review", "import", file, *place, "--by", "ada")
    assert said.exit_code == 2
    assert re.search(r"1 row of .* and nothing was: line [23]: reason: 'ugly' is none of", said.stderr)
    assert read_answers(shop.store, CATALOGUE) == []
    said = run_cli("review", "import", file, *place, "--by", "ada", "--skip-bad", "--json")
    assert (said.exit_code, said.document["imported"], len(said.document["bad"])) == (1, 1, 1)
    assert [answer.who for answer in read_answers(shop.store, CATALOGUE)] == ["ben"]
    assert run_cli("review", "export", tmp_path / "given.csv", *place, "--answered", "--json").document["rows"] == 1
    tasks = tmp_path / "tasks.json"
    assert run_cli("review", "export", tasks, *place, "--format", "label-studio").exit_code == 0
    [task] = json.loads(tasks.read_text("utf-8"))
    assert task["data"]["sku"] == "cap"


def test_the_same_file_again_is_counted_and_what_people_differ_about_is_said(
    run_cli: RunCli, shop: ReviewScenario, tmp_path: Path
) -> None:
    file, place = tmp_path / "waiting.csv", ("--store", tmp_path / "store", "--catalogue", CATALOGUE)
    assert run_cli("review", "export", file, *place).exit_code == 0
    rewrite(file, mug={"kind": "accept"})
    assert "1 answers imported, 1 rows without" in run_cli("review", "import", file, *place, "--by", "ben").stdout
    again = run_cli("review", "import", file, *place, "--by", "ben").stdout
    assert "0 answers imported, 1 given already, 1 rows without an answer" in again
    assert [answer.who for answer in read_answers(shop.store, CATALOGUE)] == ["ben"]
    rewrite(file, mug={"kind": "refuse", "reason": "colour"})
    said = " ".join(run_cli("review", "import", file, *place, "--by", "ada").stdout.split())
    assert "People differ about 1 of them: nothing of it is published until they agree" in said
    assert "people differ: ben accepted, ada refused" in " ".join(run_cli("review", "list", *place).stdout.split())


def test_no_cell_holds_a_formula_for_a_spreadsheet_that_splits_at_semicolons(
    run_cli: RunCli, shop: ReviewScenario, tmp_path: Path
) -> None:
    shop.wait({"bag;=2+5/front": "green"})
    file = tmp_path / "waiting.csv"
    assert run_cli("review", "export", file, "--store", tmp_path / "store", "--catalogue", CATALOGUE).exit_code == 0
    for delimiter in ",;\t":
        cells = [
            cell for row in csv.reader(file.open(encoding="utf-8", newline=""), delimiter=delimiter) for cell in row
        ]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))], delimiter


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"sku,kind\nmug,accept\n", "has no column 'request_key'"),
        (b"\xff\xfe\x00", "is no CSV in UTF-8"),
        (b"request_key,image_key,finish_digest,pixel_sha,kind\n" + b"a" * 200_000, "field larger than field limit"),
    ],
    ids=["columns", "bytes", "cell"],
)
def test_a_file_that_is_no_such_table_is_refused(
    run_cli: RunCli, shop: ReviewScenario, tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "answers.csv"
    file.write_bytes(content)
    said = run_cli("review", "import", file, "--store", tmp_path / "store", "--catalogue", CATALOGUE)
    assert (said.exit_code, message in said.stderr) == (2, True), said.stderr


def test_options_that_do_not_go_together_are_refused(run_cli: RunCli, shop: ReviewScenario, tmp_path: Path) -> None:
    place = ("--store", tmp_path / "store", "--catalogue", CATALOGUE)
    said = run_cli("review", "export", tmp_path / "x", *place, "--answered", "--format", "label-studio")
    assert (said.exit_code, "--answered: answers are exported as CSV only" in said.stderr) == (2, True)
    said = run_cli("review", "import", tmp_path / "none.csv", *place)
    assert (said.exit_code, "cannot be read" in said.stderr) == (2, True)
