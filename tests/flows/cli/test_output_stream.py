"""Standard output that fails is told apart from a store that fails."""

import errno
import io
import os

import pytest

from flows.cli.output_stream import OutputFailed, open_output_stream


def test_a_reader_that_has_gone_is_said_once_and_the_rest_is_dropped() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as pipe:
        stream = open_output_stream(pipe)
        with pytest.raises(OutputFailed) as caught:
            print("lost", file=stream, flush=True)
        print("and lost", file=stream, flush=True)
    assert (caught.value.errno, isinstance(caught.value, BrokenPipeError)) == (errno.EPIPE, False)


def test_a_text_that_the_encoding_lacks_is_spelt_out() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="ascii") as pipe:
        print("Größe ✓", file=open_output_stream(pipe), flush=True)
    with os.fdopen(reader, encoding="ascii") as lines:
        assert lines.read() == "Gr\\xf6\\xdfe \\u2713\n"


def test_a_stream_without_a_descriptor_is_taken_as_it_is() -> None:
    text = io.StringIO()
    assert open_output_stream(text) is text


def test_a_closed_stdout_takes_everything_in_silence() -> None:
    with open_output_stream(None) as stream:
        print("nobody reads it", file=stream)
