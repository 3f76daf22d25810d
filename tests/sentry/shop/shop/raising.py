"""Which frame raised: an AI function, a person's, a library's, or a line of the module itself."""

import json


def ai_raises(value=0):
    return 1 / value


def human_raises(value=0):
    return 1 / value


def mixed_raises(value=0):
    return 1 / value


def unrecorded_raises(value=0):
    return 1 / value


def ai_calls(function):
    return function()


def human_calls(function):
    return function()


def ai_parses():
    return json.loads("{")


def human_parses():
    return json.loads("{")


def ai_parses_with_a_hook():
    return json.loads("[1, {}]", object_hook=lambda _: human_raises())


def case_ai_innermost():
    human_calls(ai_raises)


def case_ai_alone():
    ai_raises()


def case_mixed_innermost():
    ai_calls(mixed_raises)


def case_ai_calls_human():
    ai_calls(human_raises)


def case_ai_calls_unrecorded():
    ai_calls(unrecorded_raises)


def case_ai_calls_human_calls_ai():
    ai_calls(lambda: human_calls(ai_raises))


def case_human_only():
    human_calls(human_raises)


def case_unrecorded_only():
    unrecorded_raises()


def case_human_calls_unrecorded():
    human_calls(unrecorded_raises)


def case_library_below_ai():
    human_calls(ai_parses)


def case_library_below_human():
    ai_calls(human_parses)


def case_human_below_library_below_ai():
    ai_parses_with_a_hook()
