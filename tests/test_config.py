from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprov.config import Config, Policy, Row, load_config, parse_config, parse_table, rows
from aiprov.errors import UsageError

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
LINK = "https://prompts.example.com/p/{prompt_hash}"


def problem(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_config(text.encode())
    return str(caught.value)


def test_no_pyproject_means_defaults(tmp_path: Path) -> None:
    assert Config() == load_config(tmp_path)


@pytest.mark.parametrize("text", ["", "[project]\nname='x'\n", "[tool.ruff]\n", "[tool.aiprov]\n"])
def test_no_table_means_defaults(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    assert Config() == load_config(tmp_path)


def test_keys_are_read(tmp_path: Path) -> None:
    text = f'\ufeff[tool.aiprov]\r\nprompt_url = "{LINK}"\r\n[tool.aiprov.policy]\r\nrequire_tests = true\r\n'
    (tmp_path / "pyproject.toml").write_bytes(text.encode())

    assert Config(prompt_url=LINK, policy=Policy(require_tests=True)) == load_config(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[tool.aiprov]\nprompt_ulr = 'x'",
            "pyproject.toml: tool.aiprov.prompt_ulr: no such key; known: prompt_url, policy",
        ),
        ("[tool.aiprov]\nprompt_url = 3", "pyproject.toml: tool.aiprov.prompt_url: expected `str`, got `int`"),
        ("[tool.aiprov]\npolicy = 3", "pyproject.toml: tool.aiprov.policy: expected `object`, got `int`"),
        ("[tool]\naiprov = 3", "pyproject.toml: [tool.aiprov] must be a table"),
        ("tool = 3", "pyproject.toml: [tool.aiprov] must be a table"),
        ("[[tool.aiprov]]\n", "pyproject.toml: [tool.aiprov] must be a table"),
    ],
)
def test_a_wrong_key_is_one_line_with_file_and_key(text: str, expected: str) -> None:
    assert expected == problem(text)


@pytest.mark.parametrize(
    "text", ["[tool.aiprov", "a = " + "[" * 5000, "a = 0x" + "f" * 9000 + "g", "a = " + "9" * 5000]
)
def test_broken_toml_is_one_line(text: str) -> None:
    said = problem(text)

    assert said.startswith("pyproject.toml: not valid TOML: ")
    assert "\n" not in said


def test_bytes_that_are_no_utf8_are_one_line() -> None:
    with pytest.raises(UsageError, match="not UTF-8 at byte 4"):
        parse_config(b"a = \xff")


def test_a_pyproject_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").mkdir()

    with pytest.raises(UsageError, match="not a file"):
        load_config(tmp_path)


def test_an_endless_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"#" * 1_048_577)

    with pytest.raises(UsageError, match="larger than 1 MiB"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    "template", [LINK, "http://127.0.0.1:8080/?g={generation}&p={prompt_hash}", "https://h/a#{generation}"]
)
def test_a_template_for_prompts_is_taken(template: str) -> None:
    assert template == parse_table({"prompt_url": template}, Config).prompt_url


@pytest.mark.parametrize(
    "template",
    [
        "",
        "https://example.com/",
        "https://example.com/{prompt}",
        "https://example.com/{prompt_hash}{",
        "https://example.com/{prompt_hash.__class__}",
        "https://{prompt_hash}/",
        "https:///{prompt_hash}",
        "https://[/{prompt_hash}",
        "javascript:alert(1)//{prompt_hash}",
        "file:///etc/{prompt_hash}",
        "https://example.com/ {prompt_hash}",
        "https://example.com/\x1b{prompt_hash}",
        "https://example.com/{prompt_hash}" + "a" * 2000,
    ],
)
def test_any_other_template_is_refused(template: str) -> None:
    with pytest.raises(UsageError, match=r"^pyproject\.toml: tool\.aiprov: prompt_url must "):
        parse_table({"prompt_url": template}, Config)


@given(st.text(alphabet="[]{}=.\"'\n#ab1 ", max_size=60))
def test_any_text_is_a_config_or_one_clear_line(text: str) -> None:
    said = "pyproject.toml: "
    try:
        parse_config(f"[tool.aiprov]\n{text}".encode())
    except UsageError as error:
        said = str(error)

    assert said.startswith("pyproject.toml: ")
    assert "\n" not in said


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    level: Annotated[Literal["low", "high"], msgspec.Meta(description="How much.")] = "low"
    share: Annotated[Annotated[float, msgspec.Meta(ge=0, le=1)] | None, msgspec.Meta(description="A part.")] = None


class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    inner: Inner = Inner()
    names: Annotated[tuple[str, ...], msgspec.Meta(description="Some.")] = ()
    either: Annotated[bool | str | None, msgspec.Meta(description="Both.")] = False


def test_rows_show_inner_tables_key_by_key() -> None:
    expected = [
        Row("inner.level", '"high" or "low"', "low", "How much."),
        Row("inner.share", "number", "", "A part."),
        Row("names", "list", "", "Some."),
        Row("either", "text or true/false", "false", "Both."),
    ]

    assert expected == list(rows(Outer))


def test_an_unknown_key_of_an_inner_table_is_named() -> None:
    with pytest.raises(
        UsageError, match=r"^pyproject.toml: tool.aiprov.inner.leevl: no such key; known: level, share$"
    ):
        parse_table({"inner": {"leevl": "low"}}, Outer)


ROWS = list(rows())


def test_every_key_has_help() -> None:
    assert [] == [row.name for row in ROWS if not row.help]


def test_the_readmes_table_is_the_keys() -> None:
    lines = [f"| `{row.name}` | {row.type} | {row.default and f'`{row.default}`'} | {row.help} |" for row in ROWS]
    shown = README.partition("<!-- config -->\n")[2].partition("\n<!-- /config -->")[0]

    assert not shown or "\n".join(["| key | value | default | |", "|---|---|---|---|", *lines]) == shown
