"""A real SDK sends to a real server, which stores our tags, shows them and finds errors by them."""

from __future__ import annotations

from collections.abc import Iterator

import peers
import pytest
from peers import bugsink
from peers.bugsink import Bugsink
from sentry._project import ai, make, no_ai, ours, run

TRANSACTION = "reporting:case_transaction"
"""Which this server does not take, and says so."""
CASES = "raising:case_ai_innermost,raising:case_mixed_innermost,raising:case_human_only,kinds:case_dict_comprehension"

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bugsink]:
    """A server that one run of the shop has sent its errors to."""
    with peers.required():
        starting = bugsink.serving(tmp_path_factory.mktemp("bugsink"))
        server = starting.__enter__()  # only what goes wrong at the start may skip
    try:
        root = make(tmp_path_factory.mktemp("repository"))
        kinds = root / "src" / "shop" / "kinds.py"
        kinds.write_text(kinds.read_text().replace("{n: 1 / n for n in range(2)}", "{n: 2 / n for n in range(2)}"))
        options = {"traces_sample_rate": 1.0}
        run(root / "main.py", server.dsn, "init,auto", f"{TRANSACTION},{CASES}", path=[root / "src"], options=options)
        server.log_in()
        yield server
    finally:
        starting.__exit__(None, None, None)


def test_tags_are_read_back_through_the_api(server: Bugsink):
    tags = {event["tags"]["case"]: ours(event) for event in server.events().values()}

    assert tags == {
        "case_ai_innermost": ai("src/shop/raising.py::ai_raises"),
        "case_mixed_innermost": {
            **no_ai("mixed"),
            "aiprov.generated": "true",
            "aiprov.function": "src/shop/raising.py::mixed_raises",
            "aiprov.model": "openai/gpt-5.2-codex",
            "aiprov.tool": "codex",
            "aiprov.relation": "raised",
            "aiprov.state": "verified",
        },
        "case_human_only": no_ai("human"),
        "case_dict_comprehension": ai("src/shop/kinds.py::with_dict_comprehension", state="stale"),
    }


def test_context_is_read_back_through_the_api(server: Bugsink):
    functions = {event["tags"]["case"]: event["contexts"]["aiprov"]["functions"] for event in server.events().values()}

    assert functions == {
        "case_ai_innermost": ["src/shop/raising.py::ai_raises"],
        "case_mixed_innermost": ["src/shop/raising.py::mixed_raises", "src/shop/raising.py::ai_calls"],
        "case_human_only": [],
        "case_dict_comprehension": ["src/shop/kinds.py::with_dict_comprehension"],
    }


@pytest.mark.parametrize(
    ("query", "cases"),
    [
        ("aiprov.model:anthropic/claude-opus-4-6", {"case_ai_innermost", "case_dict_comprehension"}),
        ("aiprov.model:openai/gpt-5.2-codex", {"case_mixed_innermost"}),
        ("aiprov.model:nobody/nothing", set()),
        ("aiprov.generated:true", {"case_ai_innermost", "case_mixed_innermost", "case_dict_comprehension"}),
        ("aiprov.generated:false", {"case_human_only"}),
        ("aiprov.origin:human", {"case_human_only"}),
        ("aiprov.state:stale", {"case_dict_comprehension"}),
        ("aiprov.function:src/shop/raising.py::ai_raises", {"case_ai_innermost"}),
        ('aiprov.prompt_hash:"sha256:' + "a1" * 32 + '"', {"case_ai_innermost", "case_dict_comprehension"}),
    ],
)
def test_search_finds_issues_by_tag(server: Bugsink, query: str, cases: set[str]):
    events = server.events()

    assert {events[issue]["tags"]["case"] for issue in server.search(query)} == cases
