"""Label Studio tasks: a picture, what binds an answer to it, and what the gates said as a prediction."""

from dataclasses import replace

from catalogs.reviews.label_studio import label_studio_task
from tests.catalogs.reviews.test_answer_csv import ITEM


def test_a_task_has_its_picture_its_keys_and_the_gates_word() -> None:
    task = label_studio_task(replace(ITEM, scores={"blur.foreground": 5.5}, severity=1.5), "s3://shop")
    data = task["data"]
    assert (data["image"], data["image_key"], data["scores"]) == (
        "s3://shop/review/shoes/x.jpg", (b"i" * 32).hex(), {"blur.foreground": 5.5},
    )  # fmt: skip
    assert not {"kind", "reason", "who"} & data.keys(), "those are the person's"
    [prediction] = task["predictions"]
    assert (prediction["model_version"], prediction["result"][0]["value"]) == ("packshot-gates", {"text": ["blurred"]})
    assert label_studio_task(replace(ITEM, reasons=()), "s3://shop")["predictions"] == []
