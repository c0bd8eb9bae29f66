"""Problems are counted by reason, and the first of each is told."""

from tasks.photos.photo_problems import PhotoProblems


def test_the_first_of_a_reason_is_told_and_the_others_are_counted() -> None:
    problems = PhotoProblems(kept_earlier=1_200, not_read=3, restored=2, lost=4)
    problems.notes = ["A folder cannot be listed.", "A folder cannot be listed."]
    for number in range(1_001):
        problems.add("photo.missing", f"The photo '{number}.jpg' is not there.")
    problems.add("photo.animated", "The photo has several frames.")
    assert problems.warnings() == [
        "A folder cannot be listed.",
        "1 × photo.animated: The photo has several frames.",
        "1,001 × photo.missing: The photo '0.jpg' is not there. So are 1,000 others.",
        "1,200 photos could not be asked for, so what was read of them earlier is used; they are asked for again in the"
        " next run",
        "2 photos were gone from the store, or damaged there: they were fetched again",
        "4 × photo.lost: the store holds these photos no longer, and their places give another one or none; their"
        " images fail, and the next run takes what is there then",
        "3 photos are not read yet: a dry run fetches none, and a refresh does",
    ]


def test_nothing_is_said_where_nothing_was_wrong() -> None:
    assert PhotoProblems().warnings() == []
