"""Programs with a known truth, run for real; every error event is read on the wire and compared as a whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sentry._intake import Intake, serving
from sentry._project import ai, make, mixed, no_ai, ours, run

RAISING, KINDS = "src/shop/raising.py", "src/shop/kinds.py"
CHAINS, REPORTING = "src/shop/chains.py", "src/shop/reporting.py"

EXPECTED = {
    # Which frame
    "case_ai_innermost": ai(f"{RAISING}::ai_raises"),
    "case_ai_alone": ai(f"{RAISING}::ai_raises"),
    "case_mixed_innermost": mixed(f"{RAISING}::mixed_raises"),
    "case_ai_calls_human": ai(f"{RAISING}::ai_calls", "on_stack"),
    "case_ai_calls_unrecorded": ai(f"{RAISING}::ai_calls", "on_stack"),
    "case_ai_calls_human_calls_ai": ai(f"{RAISING}::ai_raises"),
    "case_human_only": no_ai("human"),
    "case_unrecorded_only": no_ai("unknown"),
    "case_human_calls_unrecorded": no_ai("unknown"),
    "case_library_below_ai": ai(f"{RAISING}::ai_parses"),
    "case_library_below_human": ai(f"{RAISING}::ai_calls", "on_stack"),
    "case_human_below_library_below_ai": ai(f"{RAISING}::ai_parses_with_a_hook", "on_stack"),
    # Kinds of functions
    "case_init": ai(f"{KINDS}::Cart.__init__"),
    "case_method": ai(f"{KINDS}::Cart.method"),
    "case_inherited_method": ai(f"{KINDS}::Cart.method"),
    "case_classmethod": ai(f"{KINDS}::Cart.of_class"),
    "case_staticmethod": ai(f"{KINDS}::Cart.of_nobody"),
    "case_property": ai(f"{KINDS}::Cart.total"),
    "case_setter": ai(f"{KINDS}::Cart.total"),
    "case_cached_property": ai(f"{KINDS}::Cart.cached"),
    "case_dunder": ai(f"{KINDS}::Cart.__getitem__"),
    "case_inner_class": ai(f"{KINDS}::Cart.Inner.method"),
    "case_post_init": ai(f"{KINDS}::Line.__post_init__"),
    "case_dataclass_method": ai(f"{KINDS}::Row.share"),
    "case_nested": ai(f"{KINDS}::with_nested.<locals>.nested"),
    "case_closure": ai(f"{KINDS}::with_closure.<locals>.closure"),
    "case_lambda": ai(f"{KINDS}::with_lambda"),
    "case_comprehension": ai(f"{KINDS}::with_comprehension"),
    "case_dict_comprehension": ai(f"{KINDS}::with_dict_comprehension"),
    "case_generator_expression": ai(f"{KINDS}::with_generator_expression"),
    "case_generator": ai(f"{KINDS}::generator"),
    "case_yield_from": ai(f"{KINDS}::generator"),
    "case_decorated": ai(f"{KINDS}::decorated"),
    "case_decorated_by_wrapt": ai(f"{KINDS}::decorated_by_wrapt"),
    "case_lru_cache": ai(f"{KINDS}::cached"),
    "case_contextmanager": ai(f"{KINDS}::managed"),
    "case_raised_inside_a_contextmanager": no_ai("unknown"),  # the manager let it through, and `with` says so
    "case_enter": ai(f"{KINDS}::Manager.__enter__"),
    "case_partial": ai(f"{KINDS}::with_lambda"),
    "case_class_body": ai(f"{KINDS}::with_class_body"),
    "case_default_of_nested": ai(f"{KINDS}::with_default_of_nested"),
    "case_local_class": ai(f"{KINDS}::with_local_class.<locals>.Local.method"),
    "case_redefined": ai(f"{KINDS}::overridden"),
    "case_exec": no_ai("unknown"),
    "broken_module": ai("src/shop/broken_module.py::<module>"),
    # Chains and groups
    "case_raise_from_by_human": ai(f"{RAISING}::ai_raises"),
    "case_raise_from_by_ai": ai(f"{CHAINS}::ai_wraps", "on_stack"),
    "case_implicit_context": ai(f"{RAISING}::ai_raises"),
    "case_from_none": no_ai("human"),
    "case_reraised_by_ai": ai(f"{CHAINS}::ai_reraises", "on_stack"),
    "case_raised_twice": ai(f"{RAISING}::ai_raises"),
    "case_group": ai(f"{RAISING}::ai_raises"),
    "case_group_of_humans": no_ai("human"),
    "case_group_in_a_group": mixed(f"{RAISING}::mixed_raises"),
    "case_task_group": ai(f"{CHAINS}::ai_awaits"),
    "case_recursion": ai(f"{CHAINS}::ai_recurses"),
    "case_recursion_of_human_below_ai": ai(f"{RAISING}::ai_calls", "on_stack"),
    "case_deep_below_ai": ai(f"{CHAINS}::ai_descends", "on_stack"),
    "case_falsy_error": ai(f"{CHAINS}::ai_raises_falsy"),
    "case_cycle_of_causes": ai(f"{RAISING}::ai_raises"),
    # Reported where it happened
    "case_message_by_ai": ai(f"{REPORTING}::ai_says"),
    "case_message_by_human": no_ai("human"),
    "case_message_by_human_below_ai": ai(f"{RAISING}::ai_calls", "on_stack"),
    "case_log_line_by_ai": ai(f"{REPORTING}::ai_logs"),
    "case_message_in_a_thread": ai(f"{REPORTING}::ai_says"),
    "case_message_by_human_in_a_thread_of_ai": no_ai("human"),
    "case_log_line_in_a_thread": ai(f"{REPORTING}::ai_logs"),
    "case_message_in_a_task": ai(f"{REPORTING}::case_message_in_a_task.<locals>.ai_says_later"),
    "case_log_line_with_stack": ai(f"{RAISING}::ai_calls", "on_stack"),
    "case_logged_by_ai": ai(f"{REPORTING}::ai_logs_an_exception", "on_stack"),
    "case_logged_by_human": ai(f"{RAISING}::ai_raises"),
    "case_unraised_by_ai": ai(f"{REPORTING}::ai_reports_unraised"),
    "case_queued_log_line": {},
    "case_by_hand": {},
    # Concurrency
    "case_thread": ai(f"{RAISING}::ai_raises"),
    "case_thread_pool": ai(f"{RAISING}::ai_raises"),
    "case_captured_inside_a_thread_pool": ai(f"{RAISING}::ai_raises"),
    "case_task": ai(f"{RAISING}::ai_raises"),
    "case_gathered": ai(f"{RAISING}::ai_raises"),
    "case_to_thread": ai(f"{RAISING}::ai_raises"),
    "case_os_fork": ai(f"{RAISING}::ai_raises"),
    "case_multiprocessing_fork": ai(f"{RAISING}::ai_raises"),
    "case_process_pool": ai(f"{RAISING}::ai_raises"),
    "case_process_pool_in_the_parent": no_ai("unknown"),  # a copy, without the child's frames
    "case_unraisable": ai(f"{RAISING}::ai_raises"),
}


@pytest.fixture(scope="module")
def intake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intake]:
    """Everything that one process with the one-line set-up sent."""
    root = make(tmp_path_factory.mktemp("repository"))
    with serving() as intake:
        status = run(
            root / "main.py",
            intake.dsn,
            "init,auto",
            "raising,kinds,broken_module,chains,reporting",
            path=[root / "src"],
            options={"traces_sample_rate": 1.0},
        )
        assert status["failures"] == {}
        yield intake


@pytest.mark.parametrize("case", EXPECTED)
def test_event_carries_the_truth(intake: Intake, case: str):
    assert ours(intake.by_case()[case]) == EXPECTED[case]


def test_every_case_is_in_the_table(intake: Intake):
    assert intake.by_case().keys() == EXPECTED.keys()


def test_every_error_event_names_the_manifest(intake: Intake):
    digests = {event["tags"].get("aiprov.manifest") for event in intake.events if ours(event)}

    assert len(digests) == 1
    assert None not in digests


def test_transactions_carry_the_manifest_alone(intake: Intake):
    """They are judged where they start: `test_traces` has those of a model's code."""
    (transaction,) = intake.transactions().values()

    digest = intake.by_case()["case_ai_alone"]["tags"]["aiprov.manifest"]
    assert transaction["tags"] == {"case": "case_transaction", "aiprov.manifest": digest}
    assert "aiprov" not in repr({**transaction, "tags": {}})


def test_context_holds_the_place_and_every_ai_function(intake: Intake):
    context = intake.by_case()["case_ai_calls_human_calls_ai"]["contexts"]["aiprov"]

    assert context == {
        "manifest": intake.by_case()["case_ai_alone"]["tags"]["aiprov.manifest"],
        "code.function.name": "shop.raising.ai_raises",
        "code.file.path": RAISING,
        "code.line.number": 7,
        "generated_at": "2026-11-02T10:11:12Z",
        "functions": [f"{RAISING}::ai_raises", f"{RAISING}::ai_calls"],
        "models": ["anthropic/claude-opus-4-6"],
    }


def test_local_variables_and_source_lines_stay(intake: Intake):
    frame = intake.by_case()["case_ai_alone"]["exception"]["values"][0]["stacktrace"]["frames"][-1]

    assert {"value": "0"} == frame["vars"]
    assert "    return 1 / value" == frame["context_line"]
