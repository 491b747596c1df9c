"""The watch over threads that tests leave behind."""

from __future__ import annotations

import threading

from support.threads import ThreadWatch


def test_thread_that_never_ends_is_named_with_its_test_and_others_are_not() -> None:
    watch, over = ThreadWatch(), threading.Event()
    stays = threading.Thread(target=over.wait, name="stays")
    with watch.during("test_a"):
        stays.start()
    with watch.during("test_b"):
        ends = threading.Thread(target=lambda: None)
        ends.start()
    ends.join()
    assert watch.left_behind(grace_s=0) == {"test_a": ["stays"]}
    over.set()
    assert watch.left_behind() == {}
    stays.join()
