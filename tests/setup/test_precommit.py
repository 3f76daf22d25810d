from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from aiprov.errors import UsageError
from aiprov.setup import _precommit
from aiprov.setup._precommit import with_entry, without_entry

ENTRY = yaml.safe_load(_precommit.ENTRY)[0]

CONFIG = """\
# our hooks
default_stages: [pre-commit]
repos:
  # formatters first
  - repo: https://github.com/psf/black   # pinned
    rev: 25.1.0
    hooks:
      - id: black
        args: ["--quiet"]

  - repo: local
    hooks:
      - id: words
        entry: |
          # not a comment
          words

# at the end
ci:
  autofix_prs: false
"""


@pytest.mark.parametrize(
    "text",
    [
        CONFIG,
        CONFIG.replace("\n  ", "\n"),
        CONFIG.partition("\n# at the end")[0],
        CONFIG.partition("\n\n  - repo: local")[0],
        "repos:\n- {repo: meta, hooks: [{id: identity}]}",
        "repos:\n  - &one\n    repo: meta\n    hooks: [{id: identity}]\nx: *one\n",
        "---\nrepos:\n  -\n    repo: meta\n    hooks: []\n...\n",
        "minimum_pre_commit_version: '3'\nrepos:\n    - repo: meta\n      hooks:\n      - id: identity\n\n\n",
    ],
)
def test_the_entry_is_added_and_every_line_stays(text: str) -> None:
    made = with_entry(text)

    before, after = yaml.safe_load(text), yaml.safe_load(made)
    assert {**before, "repos": [*before["repos"], ENTRY]} == after
    assert [line for line in text.splitlines() if line not in made.splitlines()] == []
    assert made == with_entry(made)
    assert text.rstrip("\n") == (without_entry(made) or "").rstrip("\n")


@pytest.mark.parametrize("text", [None, "", "\n"])
def test_a_file_is_made_where_there_is_none(text: str | None) -> None:
    made = with_entry(text)

    assert {"repos": [ENTRY]} == yaml.safe_load(made)
    assert None is without_entry(made)


@pytest.mark.parametrize(
    "text",
    [
        "repos: []\n",
        "repos: [{repo: meta, hooks: []}]\n",
        "repos:\n",
        "hooks: 5\n",
        "- a\n",
        "a: [\n",
        "repos:\n  - a\n---\nrepos:\n  - b\n",
        "\tx: 1\n",
        "repos: " + "[" * 50_000,
        "repos: *nothing\n",
        "repos:\n  - repo: local\n    hooks:\n    - id: a\n      entry: |\n        # text, and no comment\n",
        "repos:\n  - repo: meta\n    hooks: []\nrepos:\n  - repo: meta\n    hooks: []\n",
        "repos: &all\n  - repo: meta\n    hooks: []\nx: *all\n",
    ],
)
def test_what_cannot_be_added_to_is_one_clear_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"^\.pre-commit-config\.yaml: [^\n]*yourself[^\n]*$"):
        with_entry(text)


@pytest.mark.parametrize("text", ["# no aiprov-check yet\n", "exclude: aiprov-check/\n", ""])
def test_the_name_alone_is_no_entry(text: str) -> None:
    assert ENTRY in yaml.safe_load(with_entry(text + CONFIG))["repos"]


@pytest.mark.parametrize("item", ["id: aiprov-check", "id: 'aiprov-check' # ours", '{ "id" : "aiprov-check" }'])
def test_an_entry_of_their_own_is_left_alone(item: str) -> None:
    text = f"repos:\n- repo: https://example.com/aiprov\n  rev: v1\n  hooks:\n  - {item}\n"

    assert text == with_entry(text)


def test_an_alias_bomb_does_not_go_off() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    text = "\n".join(lines) + "\nrepos:\n  - repo: meta\n    hooks: *a59\n"

    assert _precommit.ENTRY.splitlines()[0] in with_entry(text)


def loaded(text: str) -> list[object]:
    """The entries, of a text that pre-commit itself could not load the one that was put in."""
    try:
        return list(yaml.safe_load(text)["repos"])
    except yaml.constructor.ConstructorError:  # a key such as {}, there before
        return [ENTRY]


@given(st.text(alphabet="repos:\n -#[]{}&*|>'\"a", max_size=60))
@example("{}:")
def test_any_text_stays_as_it_says_or_is_one_clear_line(text: str) -> None:
    try:
        made = with_entry(f"repos:\n  - repo: meta\n{text}")
    except UsageError as error:
        made = ""
        line = str(error)
    else:
        line = ""

    assert "\n" not in line
    assert not made or ENTRY in loaded(made)
