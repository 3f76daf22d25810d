from __future__ import annotations

import pytest
from provenance._work import CLAUDE, CODEX, Work

from aiprov.check import Finding, check
from aiprov.check._rules import matches
from aiprov.config import Policy, load_config
from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance import record

F = "def f():\n    return 1\n"
TESTS = "from shop import f\n\n\ndef test_f():\n    assert f() == 1\n"
OTHER = "Co-Authored-By: Claude Sonnet 4.5 <noreply@anthropic.com>"


def broken(work: Work, **rules: object) -> list[Finding]:
    found = check(Repository(work.root), policy=Policy(**rules)).findings  # type: ignore[arg-type]
    assert {"policy"} >= {finding.kind for finding in found}
    return list(found)


def functions(work: Work, **rules: object) -> list[str | None]:
    return [finding.function for finding in broken(work, **rules)]


@pytest.fixture
def shop(work: Work) -> Work:
    """One function by a model, one by a person."""
    work.human({"old.py": "def old():\n    return 0\n"})
    work.ai({"shop.py": F})
    work.scan()
    return work


def test_no_policy_asks_nothing(shop: Work):
    assert [] == broken(shop)
    assert Policy() == load_config(shop.root).policy


def test_the_policy_is_read_from_pyproject(shop: Work):
    table = '[tool.aiprov.policy]\nrequire_reviewer = "Acked-by"\nallowed_models = ["anthropic/*"]\n'
    shop.write("pyproject.toml", f"{table}max_unreviewed_ai_share = 0.5\n")

    expected = Policy(require_reviewer="Acked-by", allowed_models=("anthropic/*",), max_unreviewed_ai_share=0.5)
    assert expected == load_config(shop.root).policy


@pytest.mark.parametrize(
    "line",
    [
        "forbidden = ['x']",
        "require_reviewer = 'Reviewed-by: Jane'",
        "max_unreviewed_ai_share = 30",
        "max_unreviewed_ai_share = nan",
        "allowed_models = 'anthropic/*'",
        "require_tests = 1",
    ],
)
def test_an_unknown_key_or_value_is_one_clear_line(shop: Work, line):
    shop.write("pyproject.toml", f"[tool.aiprov.policy]\n{line}\n")

    with pytest.raises(UsageError) as raised:
        load_config(shop.root)
    assert str(raised.value).startswith("pyproject.toml: tool.aiprov.policy")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("model", "pattern", "expected"),
    [
        ("openai/gpt-4o", "openai/*", True),
        ("openai/gpt-4o", "gpt-4o", True),
        ("openai/gpt-4o", "GPT-4*", True),
        ("openai/gpt-4o", "*/gpt-4o", True),
        ("openai/gpt-4o-mini", "gpt-4o", False),
        ("openai/gpt-4o", "gpt", False),
        ("openai/gpt-4o", "openai", False),
        ("house-model", "house-*", True),
    ],
)
def test_patterns_of_models(model, pattern, expected):
    assert expected is matches(model, pattern)


def test_a_forbidden_model(shop: Work):
    (finding,) = broken(shop, forbidden_models=("claude-opus-*",))

    assert (
        Finding(
            kind="policy",
            rule="forbidden_models",
            message="by anthropic/claude-opus-4-6, which is forbidden; have it written anew, then record who wrote it",
            function="shop.py::f",
            path="shop.py",
            line=1,
        )
        == finding
    )
    assert [] == broken(shop, forbidden_models=("openai/*",))


def test_a_model_that_is_not_allowed(shop: Work):
    assert ["shop.py::f"] == functions(shop, allowed_models=("openai/*", "anthropic/claude-sonnet-*"))
    assert [] == broken(shop, allowed_models=("openai/*", "anthropic/*"))
    assert 1 == len(broken(shop, allowed_models=("openai/*",), forbidden_models=("anthropic/*",)))


def test_a_model_that_nobody_knows_passes_unless_told_otherwise(work: Work):
    work.ai({"shop.py": F}, trailer=CODEX)
    work.scan()

    assert [] == broken(work, allowed_models=("openai/*",))
    (finding,) = broken(work, allowed_models=("openai/*",), allow_unknown_model=False)
    assert ("allow_unknown_model", "shop.py::f") == (finding.rule, finding.function)


def test_one_allowed_model_beside_an_unknown_one_is_not_known(work: Work):
    work.ai({"shop.py": F}, trailer=f"{CLAUDE}\n{CODEX}")
    work.scan()

    assert [] == broken(work, allowed_models=("anthropic/*",))
    (finding,) = broken(work, allowed_models=("anthropic/*",), allow_unknown_model=False)
    assert ("allow_unknown_model", "shop.py::f") == (finding.rule, finding.function)


def test_excluded_paths_and_functions_are_left_alone(shop: Work):
    for pattern in ("shop.py", "*.py", "shop.py::*", "*::f"):
        assert [] == broken(shop, forbidden_models=("*",), exclude=(pattern,))
    assert ["shop.py::f"] == functions(shop, forbidden_models=("*",), exclude=("lib/*", "*::g"))


def test_what_was_before_the_start_is_left_alone(shop: Work):
    shop.git("tag", "start")
    assert [] == broken(shop, forbidden_models=("*",), require_reviewer=True, since="start")

    shop.ai({"more.py": "def g():\n    return 2\n"})
    shop.scan()
    found = broken(shop, forbidden_models=("*",), require_reviewer=True, since="start")
    assert [("forbidden_models", "more.py::g"), ("require_reviewer", None)] == [(f.rule, f.function) for f in found]


def test_a_record_without_a_commit_counts_by_its_time(work: Work):
    work.human({"a.py": F, "b.py": F, "c.py": F})
    work.git("tag", "start")
    for path, when in (("a.py", "2026-11-02T09:00:00Z"), ("b.py", "2026-11-02T11:00:00Z"), ("c.py", None)):
        record(f"{path}::f", model="o3", generated_at=when, repo=work.root)

    assert ["b.py::f", "c.py::f"] == functions(work, forbidden_models=("*",), since="start")


def test_a_start_that_is_no_commit_is_one_clear_line(shop: Work):
    with pytest.raises(UsageError, match=r"policy\] since: no commit v9 here"):
        broken(shop, since="v9", require_tests=True)


@pytest.mark.parametrize(
    ("trailers", "is_reviewed"),
    [
        ("", False),
        ("Reviewed-by: Jane Doe <jane@example.com>\n", True),
        ("reviewed-by: Jane\n", True),
        ("Reviewed-by: Claude <noreply@anthropic.com>\n", False),
        ("Reviewed-by: Claude\n", False),
        ("Reviewed-by: GPT-5\n", False),
        ("Reviewed-by: Jane <223556219+Copilot@users.noreply.github.com>\n", False),
        ("Reviewed-by:\n", False),
        ("Acked-by: Jane Doe <jane@example.com>\n", False),
    ],
)
def test_a_models_commit_needs_a_person_who_reviewed_it(work: Work, trailers, is_reviewed):
    commit = work.commit(f"Add f\n\n{CLAUDE}\n{trailers}", {"shop.py": F})
    work.human({"old.py": "def old():\n    return 0\n"})
    work.scan()

    found = broken(work, require_reviewer=True)
    assert ([] if is_reviewed else [commit]) == [finding.commit for finding in found]


def test_a_squash_keeps_its_reviewer_in_the_middle_of_the_message(work: Work):
    work.commit(f"Add f (#3)\n\n* one\n\n  Acked-by: Jane <jane@example.com>\n\n* two\n\n{CLAUDE}\n", {"shop.py": F})
    work.scan()

    assert [] == broken(work, require_reviewer="Acked-by")
    (finding,) = broken(work, require_reviewer=True)
    assert " (Add f (#3)) names an AI tool, and no person under Reviewed-by; have it reviewed" in finding.message


def test_a_test_must_name_the_function(shop: Work):
    assert ["shop.py::f"] == functions(shop, require_tests=True)
    shop.human({"tests/test_shop.py": '"""f is tested here, honestly."""\n# f()\n'})
    assert ["shop.py::f"] == functions(shop, require_tests=True)
    shop.human({"tests/test_shop.py": TESTS})
    assert [] == broken(shop, require_tests=True)


def test_tests_name_methods_by_attribute_and_constructors_by_class(work: Work):
    work.ai(
        {"shop.py": "class C:\n    def __init__(self):\n        self.a = 1\n\n    def g(self):\n        return 2\n"}
    )
    work.human({"shop_test.py": "from shop import C\n"})
    work.scan()

    assert ["shop.py::C.g"] == functions(work, require_tests=True)
    work.human({"shop_test.py": "import shop\n\n\ndef test_g():\n    assert shop.C().g() == 2\n"})
    assert [] == broken(work, require_tests=True)


def test_helpers_inner_functions_and_tests_need_no_test(work: Work):
    inner = "def f():\n    def g():\n        return 1\n\n    return g\n"
    shop = f"x = 1\n\n\ndef _help():\n    return 1\n\n\n{inner}"
    work.ai({"shop.py": shop, "test_shop.py": "def test_f():\n    assert 1 == 1\n"})
    work.scan()

    assert ["shop.py::f"] == functions(work, require_tests=True)


def test_the_model_that_wrote_it_may_not_be_all_that_tests_it(shop: Work):
    assert [] == broken(shop, forbid_same_model_tests=True)
    shop.ai({"tests/test_shop.py": TESTS})
    shop.scan()

    (finding,) = broken(shop, forbid_same_model_tests=True)
    message = "all tests that name f are by anthropic/claude-opus-4-6, as it is itself; add one by somebody else"
    assert ("shop.py::f", message) == (finding.function, finding.message)


@pytest.mark.parametrize("trailer", [OTHER, CODEX, ""])
def test_a_test_by_another_model_a_person_or_nobody_knows_whom_will_do(shop: Work, trailer):
    shop.ai({"tests/test_shop.py": TESTS})
    shop.commit(f"More\n\n{trailer}\n", {"tests/test_more.py": TESTS.replace("== 1", "> 0")})
    shop.scan()

    assert [] == broken(shop, forbid_same_model_tests=True)


@pytest.mark.parametrize("trailer", [CODEX, f"{CLAUDE}\n{CODEX}"])
def test_a_function_of_an_unknown_model_says_nothing_about_its_tests(work: Work, trailer):
    work.ai({"shop.py": F, "tests/test_shop.py": TESTS}, trailer=trailer)
    work.scan()

    assert [] == broken(work, forbid_same_model_tests=True)


def test_the_share_of_functions_that_nobody_reviewed(shop: Work):
    (finding,) = broken(shop, max_unreviewed_ai_share=0.3)

    assert ("max_unreviewed_ai_share", None, "pyproject.toml") == (finding.rule, finding.function, finding.path)
    assert finding.message.startswith("1 of 2 functions are by a model and in no commit with a Reviewed-by trailer, ")
    assert [] == broken(shop, max_unreviewed_ai_share=0.5)
    shop.commit(f"g\n\n{CLAUDE}\nReviewed-by: Jane <jane@example.com>\n", {"g.py": "def g():\n    return 2\n"})
    shop.scan()
    assert ["1 of 3"] == [finding.message[:6] for finding in broken(shop, max_unreviewed_ai_share=0.3)]


def test_paths_leave_out_what_concerns_the_whole_repository(shop: Work):
    policy = Policy(require_reviewer=True, max_unreviewed_ai_share=0, forbidden_models=("*",))

    found = check(Repository(shop.root), policy=policy, paths=["shop.py"]).findings
    assert ["forbidden_models"] == [finding.rule for finding in found]
    found = check(Repository(shop.root), policy=policy, paths=["pyproject.toml"]).findings
    assert ["max_unreviewed_ai_share", "require_reviewer"] == [finding.rule for finding in found]


def test_without_history_rules_on_reviews_are_not_judged(shop: Work):
    policy = Policy(require_reviewer=True, max_unreviewed_ai_share=0, forbidden_models=("*",))

    found = check(Repository(shop.root), policy=policy, history=False).findings
    assert ["forbidden_models"] == [finding.rule for finding in found]
