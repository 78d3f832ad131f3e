"""The ring of log lines: bounded, readable while it is written to, and a library's logger that prints nothing."""

from __future__ import annotations

import logging
import threading

import pytest

from protolab.serve import Log


def test_the_newest_lines_are_kept_and_the_lost_are_counted() -> None:
    log = Log(3)
    assert repr(log) == "(nothing logged yet)"
    for number in range(5):
        log(f"line {number}")
    assert [entry.text for entry in log] == ["line 2", "line 3", "line 4"]
    assert (len(log), log.lost) == (3, 2)
    assert repr(log) == "(2 older lines fell out of the log)\nline 2\nline 3\nline 4"
    assert [entry.at for entry in log] == sorted(entry.at for entry in log)


def test_it_can_be_read_while_another_thread_writes() -> None:
    log, enough = Log(500), threading.Event()

    def write() -> None:
        while not enough.is_set():
            log("line")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            assert all(entry.text == "line" for entry in log)
    finally:
        enough.set()
        writer.join(10)


def test_a_librarys_logger_writes_warnings_here_with_their_cause_and_nowhere_else(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    log = Log()
    logger = log.logger("some.library")
    logger.info("not worth a line")
    logger.warning("careful with %s", "that")
    try:
        raise ValueError("bad")
    except ValueError:
        logging.LoggerAdapter(logger, {}).error("it failed", exc_info=True)
    assert [entry.text for entry in log] == ["careful with that", "it failed: ValueError('bad')"]
    assert capfd.readouterr() == ("", "") and not caplog.records


def test_a_line_obeys_no_stranger_and_has_an_end():
    log = Log()
    log("it said \x1b[2J\ud800 to me")
    log("x" * 10_000)
    spelled, cut = log
    assert spelled.text == "it said \\x1b[2J\\ud800 to me"
    assert len(cut.text) < 2_100 and cut.text.endswith("... (10,000 characters)")
