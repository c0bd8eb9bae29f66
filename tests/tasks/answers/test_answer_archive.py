"""The archive: whole answers by month, in few files, each answer once; a SKU's are read without the rest."""

from contextlib import suppress
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind
from catalogs.answers.answer_rows import answers_in_rows, answers_to_rows
from infra.stores import open_store
from infra.stores.memory import MemoryStore
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.answers.answer_archive import (
    MAX_FILES_A_MONTH,
    archive_answers,
    distinct_answers,
    merge_archive,
    read_archive,
    read_archive_about,
)
from tests.fixtures.given_answers import CATALOGUE, START, given
from tests.tasks.answers.test_answer_folding import Interleaving

MONTH = 31 * 24 * 60


def rows(*numbers: int) -> pa.Table:
    return answers_to_rows(given(number, images=10**6) for number in numbers)


def test_a_past_month_becomes_one_file_and_the_newest_keeps_a_few() -> None:
    store = MemoryStore("archive-months")
    for part in range(MAX_FILES_A_MONTH + 1):
        archive_answers(store, CATALOGUE, f"{part:08}", rows(part, MONTH + part))
    assert merge_archive(store, CATALOGUE) == 2 * (MAX_FILES_A_MONTH + 1)
    archive_answers(store, CATALOGUE, "more", rows(MONTH + 100))
    assert merge_archive(store, CATALOGUE) == 0
    assert len(list(store.list(layout.answer_archive_prefix(CATALOGUE)))) == 3
    assert read_archive(store, CATALOGUE).num_rows == 2 * (MAX_FILES_A_MONTH + 1) + 1
    assert read_archive(store, CATALOGUE, "2026-02").num_rows == MAX_FILES_A_MONTH + 2


def test_a_merge_that_is_killed_loses_nothing_and_shows_nothing_twice() -> None:
    moment, died = 1, True
    while died:
        store = MemoryStore(f"killed-merge-{moment}")
        for part in range(3):
            archive_answers(store, CATALOGUE, f"{part:08}", rows(part))
        archive_answers(store, CATALOGUE, "newer", rows(MONTH))
        wanted, injector = read_archive(store, CATALOGUE), FaultInjector(moment)
        with suppress(InjectedFault):
            merge_archive(FaultyStore(store, injector), CATALOGUE)
        assert read_archive(store, CATALOGUE) == wanted
        merge_archive(store, CATALOGUE)
        assert read_archive(store, CATALOGUE) == wanted
        assert len(list(store.list(layout.answer_archive_prefix(CATALOGUE)))) == 2
        died, moment = injector.has_failed, moment + 1
    assert moment > 5


@pytest.mark.parametrize("reads", ["all", "one SKU's", "merges"])
def test_a_reader_and_a_merge_beside_another_merge_miss_no_answer(reads: str) -> None:
    for moment in range(1, 8):
        store = MemoryStore(f"merged-beside-{reads}-{moment}")
        for part in range(3):
            archive_answers(store, CATALOGUE, f"{part:08}", rows(part))
        archive_answers(store, CATALOGUE, "newer", rows(MONTH))
        wanted = read_archive(store, CATALOGUE)
        beside = FaultyStore(store, Interleaving(moment, partial(merge_archive, store, CATALOGUE)))
        if reads == "all":
            assert read_archive(beside, CATALOGUE) == wanted, f"merged before operation {moment}"
        elif reads == "merges":
            merge_archive(beside, CATALOGUE)
        else:
            assert read_archive_about(beside, CATALOGUE, "sku-1").num_rows == 1, f"merged before operation {moment}"
        assert read_archive(store, CATALOGUE) == wanted


def test_one_sku_s_answers_and_those_about_no_image_are_found(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    readmission = Answer(AnswerKind.READMISSION, "ada", START, "it was good", details={"skus": ["sku-7"]}).named("0")
    archive_answers(store, CATALOGUE, "1", pa.concat_tables([rows(*range(9)), answers_to_rows([readmission])]))
    archive_answers(store, CATALOGUE, "2", rows(7, MONTH))
    found = list(answers_in_rows(read_archive_about(store, CATALOGUE, "sku-7")))
    assert found == [readmission, given(7, images=10**6)]


def test_answers_of_several_tables_are_taken_once_and_in_their_order() -> None:
    mixed = distinct_answers([rows(3, 1), rows(2, 3)])
    assert list(answers_in_rows(mixed)) == [given(number, images=10**6) for number in (1, 2, 3)]
    assert distinct_answers([]).num_rows == 0
    assert distinct_answers([rows(1)]).num_rows == 1
