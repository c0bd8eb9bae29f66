"""A deadline ends a connection whatever it is doing, and leaves it alone before."""

import socket
import threading
import time

from infra.connection_deadline import ConnectionDeadline


def test_a_read_that_waits_ends_at_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    deadline = ConnectionDeadline(0.1)
    with ours, theirs, deadline:
        deadline.watch(ours)
        began = time.monotonic()
        assert ours.recv(1) == b""
        assert 0.05 < time.monotonic() - began < 5
    assert deadline.expired


def test_a_connection_made_after_the_deadline_ends_at_once() -> None:
    ours, theirs = socket.socketpair()
    deadline = ConnectionDeadline(0.0)
    with ours, theirs, deadline:
        while not deadline.expired:
            time.sleep(0.01)
        deadline.watch(ours)
        assert ours.recv(1) == b""


def test_the_latest_connection_is_the_one_that_ends() -> None:
    first, first_peer = socket.socketpair()
    second, second_peer = socket.socketpair()
    deadline = ConnectionDeadline(0.1)
    with first, first_peer, second, second_peer, deadline:
        deadline.watch(first)
        deadline.watch(second)
        assert second.recv(1) == b""
        first_peer.sendall(b"x")
        assert first.recv(1) == b"x"


def test_work_that_is_done_in_time_leaves_nothing_behind() -> None:
    ours, theirs = socket.socketpair()
    deadline = ConnectionDeadline(0.2)
    with ours, theirs:
        with deadline:
            deadline.watch(ours)
            threads = threading.active_count()
        time.sleep(0.3)
        assert not deadline.expired
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
        assert threading.active_count() < threads
