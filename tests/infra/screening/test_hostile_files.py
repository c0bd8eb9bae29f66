"""Hostile image files end in a verdict or a clear error each, in bounded memory, and harm nobody else."""

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from catalogs.policy.decisions import decide_image
from catalogs.policy.schema import built_in_policy
from infra.errors import InvalidImage
from infra.imaging.codecs import MAX_PIXELS, decode
from infra.screening.measure import BUILTIN_SCANNER_VERSIONS, measure
from infra.stores import open_store
from tests.fixtures.hostile_images import FILE_COUNT, hostile_files
from tests.infra.screening.staged_images import screening_request

MEGABYTE = 1 << 20
ROOM_MB = 3 * MAX_PIXELS / MEGABYTE + 60
"""The largest picture that is read, and what a decoder needs beside it."""


def peak_mb() -> float:
    """Return this process's largest resident size, of all its life."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / MEGABYTE


def decode_all() -> tuple[Counter[str], list[str], float]:
    """Return what became of the files, the sentences of the errors, and the memory that they took."""
    files = list(hostile_files())
    before, ends, said = peak_mb(), Counter[str](), []
    for _, data in files:
        try:
            pixels = decode(data)
        except InvalidImage as error:
            ends["refused"] += 1
            said.append(str(error))
        else:
            assert pixels.ndim == 3
            assert pixels.shape[2] == 3
            ends["read"] += 1
    return ends, said, peak_mb() - before


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the peak is read from /proc")
def test_every_hostile_file_is_read_or_refused_in_one_sentence_and_in_bounded_memory() -> None:
    # In a process of its own: a peak never falls, and a decoder that crashes takes its process along.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        ends, said, megabytes = child.submit(decode_all).result()
    assert ends.total() == FILE_COUNT
    assert min(ends["read"], ends["refused"]) > 300
    assert all(sentence.endswith(".") and "\n" not in sentence and len(sentence) < 300 for sentence in said)
    assert megabytes < ROOM_MB


@pytest.mark.slow
def test_what_can_be_read_is_measured_and_gets_a_verdict() -> None:
    store, policy, words = open_store("memory://hostile"), built_in_policy(), Counter[str]()
    for number, (name, data) in enumerate(hostile_files()):
        order = screening_request(str(number), store.url)
        store.write(order.raw_key, data)
        try:
            screened = measure(order, store)
        except InvalidImage:
            words["refused"] += 1
            continue
        assert screened.scanners == BUILTIN_SCANNER_VERSIONS, (name, screened.errors)
        words[decide_image(screened.scores, screened.scanners, screened.errors, policy, "").decision] += 1
    assert words.total() == FILE_COUNT
    assert words["refused"] > 1000
    assert words["BLOCK"] > 300  # most are too small for any shop
    assert words["PASS"] == 0
