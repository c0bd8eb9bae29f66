"""Answers are counted once, by what they say."""

from catalogs.answers.answer import AnswerKind
from catalogs.answers.standing_answers import StandingAnswer
from catalogs.planning.taken_answers import TakenAnswers
from tests.catalogs.answers.test_answer_index import image, say


def test_an_answer_counts_once_however_many_slots_show_its_image() -> None:
    taken = TakenAnswers()
    kinds = (AnswerKind.ACCEPT, AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY)
    answers = [say(number, kind, image(number)) for number, kind in enumerate(kinds)]
    for each in (*answers, *answers):
        taken.add(StandingAnswer(each))
    taken.add(StandingAnswer(answers[3], (answers[2], answers[3])))
    assert taken.document() == {"accepted": 2, "conflicts": 1, "refused": 1, "retried": 1}
    assert TakenAnswers().document() == {}
