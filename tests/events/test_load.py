"""Which reader gets a file, and what is said where there is none."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading

import pytest
from events.reading import read_source
from events.test_logs import trace
from events.test_sentry import EVENT
from events.test_sink import line

from aiprov.errors import UsageError

LOG = "\n".join(["2026-11-22 10:11:12 boom", *trace("a"), ""])
CONTENTS = {
    "aiprov events": line(),
    "Sentry events": json.dumps(EVENT) + "\n",
    "logs with Python tracebacks": LOG,
}


@pytest.mark.parametrize(("name", "content"), CONTENTS.items())
@pytest.mark.parametrize("suffix", ["events.jsonl", "events.log", "events"])
def test_the_format_is_known_by_the_content(read, name, content, suffix):
    assert read(content, name=suffix).loaded.format == name


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("garbage\n" + line() * 2, "aiprov events"),
        (json.dumps({"schema": "aiprov.failure/1"}) + "\n" + line(), "aiprov events"),
        ("\ufeff" + line() * 2, "aiprov events"),
        ("\n\n [" + json.dumps(EVENT) + "]", "Sentry events"),
        (json.dumps({"event": "x", "exception": LOG}) + "\n", "logs with Python tracebacks"),
        ("\n" * 250_000 + LOG, "logs with Python tracebacks"),
        ('{"event_id": "1"}\n' + LOG, "logs with Python tracebacks"),
        ("{}\n" + LOG, "logs with Python tracebacks"),
        ("x" * 300_000 + "\n" + LOG, "logs with Python tracebacks"),
    ],
)
def test_a_format_is_known_by_more_than_its_first_line(read, content, name):
    assert read(content).loaded.format == name


def test_standard_input_is_read():
    program = "import duckdb, aiprov.events as e; print(e.load('-', duckdb.connect()).events)"
    done = subprocess.run(
        [sys.executable, "-c", program], input=line().encode() * 3, capture_output=True, check=False, timeout=60
    )

    assert (done.stdout, done.stderr) == (b"3\n", b"")


def test_a_pipe_is_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(line(),))
    writer.start()
    found = read_source(str(pipe))
    writer.join()

    assert found.loaded.events == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (gzip.compress(b"x", mtime=0), "gzip data; unpack it first"),
        (LOG.encode("utf-16"), "UTF-16 text; convert it first"),
        (b"\x00" * 1000, "read as logs"),
        (b"{}", "read as logs"),
        (b'[{"event_id": "1"}]', "1 events: no exception and no stack"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(read, content, message):
    with pytest.raises(UsageError, match=message) as caught:
        read(content)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["missing\x1b[31m", "nul\x00", "x" * 5000, "", "http://host/x", "sentry://org/shop"])
def test_a_source_that_is_no_file_is_told_in_one_line(source):
    with pytest.raises(UsageError, match="no such file") as caught:
        read_source(source)

    assert str(caught.value).isprintable()


def test_a_directory_is_no_source(tmp_path):
    with pytest.raises(UsageError, match="a directory"):
        read_source(str(tmp_path))


def test_a_link_is_followed(tmp_path, read):
    read(line())
    (tmp_path / "link").symlink_to(tmp_path / "events")

    assert read_source(str(tmp_path / "link")).loaded.events == 1
