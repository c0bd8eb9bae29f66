"""The operator's classifier: a file in, scores out; what is no such file is refused by name."""

import json
from pathlib import Path

import pytest

from infra.scanners.text_classifier import open_classifier

MODEL = {"version": "shop-1", "labels": {"sexual": {"bias": -4.0, "weights": {"nude": 3.0, "nude woman": 4.0}}}}


def model(folder: Path, content: object = MODEL) -> Path:
    path = folder / "model.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_words_and_pairs_of_words_add_up_to_a_score(tmp_path: Path) -> None:
    classifier = open_classifier(model(tmp_path))
    assert classifier.score("white mug")["sexual"] == pytest.approx(0.018, abs=1e-3)
    assert classifier.score("NUDE pumps")["sexual"] == pytest.approx(0.269, abs=1e-3)
    assert classifier.score("a n\u200bude wöman, nude")["sexual"] == pytest.approx(0.953, abs=1e-3)
    assert classifier.score("")["sexual"] == classifier.score("mug")["sexual"]


def test_the_version_moves_with_the_content(tmp_path: Path) -> None:
    before = open_classifier(model(tmp_path)).version
    assert before.startswith("shop-1-")
    assert open_classifier(model(tmp_path, {**MODEL, "labels": {"x": {"weights": {}}}})).version != before


def test_huge_weights_give_a_score_all_the_same(tmp_path: Path) -> None:
    classifier = open_classifier(
        model(tmp_path, {"version": "1", "labels": {"x": {"weights": {"a": 1e300, "b": -1e300}}}})
    )
    assert [round(classifier.score(text)["x"], 3) for text in ("a", "b", "a b")] == [1.0, 0.0, 0.5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "Expecting value"),
        ("[" * 100_000, "is no text classifier"),
        ({"version": "1"}, "Field required"),
        ({"version": "1", "labels": {}}, "at least 1"),
        ({"version": "1", "labels": {"x": {"weights": {"a": "much"}}}}, "valid number"),
        ('{"version": "1", "labels": {"x": {"weights": {"a": NaN}}}}', "finite"),
        ({**MODEL, "code": "import os"}, "Extra inputs"),
    ],
)
def test_another_file_is_refused_by_its_name(tmp_path: Path, content: object, said: str) -> None:
    path = model(tmp_path, content)
    with pytest.raises(ValueError, match=said) as caught:
        open_classifier(path)
    assert repr(str(path)) in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        open_classifier(tmp_path / "none.json")
