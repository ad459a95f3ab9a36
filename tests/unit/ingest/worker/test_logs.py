from __future__ import annotations

import json
import logging
import sys

import pytest

from postings_ingest.worker.logs import JsonFormatter, TextFormatter

FORGED = "2031-01-01 00:00:00,000 INFO all is well"
ENDS_OF_LINES = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
BIDI = ["\u202a", "\u202e", "\u2066", "\u2069", "\u200f", "\u061c"]


def record(message: str, *arguments: object, **context: str) -> logging.LogRecord:
    made = logging.LogRecord("test", logging.WARNING, "", 1, message, arguments, None)
    made.__dict__.update(context)
    return made


@pytest.mark.parametrize("sign", [*ENDS_OF_LINES, *BIDI, "\x1b", "\x9b", "\x7f"])
@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_whatever_a_message_holds_it_is_one_line_that_shows_as_it_is(formatter: logging.Formatter, sign: str) -> None:
    line = formatter.format(record("document %s can't be indexed: %s", f"a{sign}{FORGED}", f"b{sign}{FORGED}"))
    assert len(line.splitlines()) == 1
    assert not set(sign) & set(line)


def test_a_batch_or_job_forges_no_line_either() -> None:
    line = TextFormatter().format(record("done", batch=f"b\n{FORGED}", job="j"))
    assert line.endswith(f"WARNING done (job j, batch b\\n{FORGED})")


def test_json_keeps_the_message_as_it_was() -> None:
    message = "".join([*ENDS_OF_LINES, *BIDI, "héllo 日本"])
    line = JsonFormatter().format(record("%s", message))
    assert json.loads(line)["message"] == message
    assert "héllo 日本" in line


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_traceback_is_kept_and_no_line_of_it_looks_like_an_entry(formatter: logging.Formatter) -> None:
    try:
        raise ValueError(f"a title\n{FORGED}")
    except ValueError:
        failed = record("it failed")
        failed.exc_info = sys.exc_info()
    text = formatter.format(failed)
    assert "test_logs.py" in text
    assert not [line for line in text.splitlines() if line.startswith("2031")]
