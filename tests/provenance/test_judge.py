from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprov.provenance._moves import Moved
from aiprov.provenance._settle import Seen, settle
from aiprov.provenance.lines._judge import Claim, Tally, claim_of
from aiprov.provenance.sources import UNTRACKED, Line
from aiprov_runtime._manifest import Generation, Manifest, Record

OPUS = Generation(model="anthropic/claude-opus-4-6", commit="a" * 40, evidence="git-ai")
GPT = Generation(model="openai/gpt-5.1", commit="b" * 40, evidence="trailers")
AI, PERSON, NOBODY = (40, Line(OPUS)), (40, Line(None)), None
ORDER = {"b" * 40: 0, "a" * 40: 1}
HASH = "0123456789abcdef"


def judged(*words: tuple[object, int]) -> Claim | None:
    tally = Tally()
    for word, lines in words:
        tally.add(word, lines)  # type: ignore[arg-type]
    return claim_of(tally, HASH, order=ORDER)


@pytest.mark.parametrize(
    ("words", "contributor", "share"),
    [
        ([(AI, 19), (PERSON, 1)], "ai", 0.95),
        ([(AI, 19), (NOBODY, 1)], "ai", 0.95),
        ([(AI, 18), (PERSON, 2)], "mixed", 0.9),
        ([(AI, 1), (PERSON, 999)], "mixed", 0.001),
        ([(PERSON, 19), (NOBODY, 1)], "human", None),
        ([(PERSON, 19), ((40, UNTRACKED), 1)], "human", None),
    ],
)
def test_a_functions_lines_make_its_contributor(words, contributor, share):
    claim = judged(*words)

    assert claim is not None
    assert (contributor, share, HASH) == (claim.record.contributor, claim.record.ai_lines, claim.record.code_hash)


@pytest.mark.parametrize("words", [[(NOBODY, 5)], [(PERSON, 18), (NOBODY, 2)], [((40, UNTRACKED), 20)], []])
def test_too_little_is_known_for_a_record(words):
    assert judged(*words) is None


def test_a_share_in_a_squash_of_many_never_makes_a_function_the_models():
    claim = judged(((10, Line(GPT, 0.99)), 20))

    assert claim is not None
    assert ("mixed", 0.99) == (claim.record.contributor, claim.record.ai_lines)


def test_the_weakest_word_that_had_a_say_is_the_claims_strength():
    claim = judged(((10, Line(GPT)), 2), (AI, 9), ((5, UNTRACKED), 1))

    assert claim is not None
    assert (10, OPUS.id, (GPT.id,)) == (claim.strength, claim.record.generation, claim.record.other_generations)


@given(st.lists(st.tuples(st.sampled_from([AI, PERSON, NOBODY, (10, Line(GPT, 0.3))]), st.integers(1, 9)), max_size=9))
def test_the_order_of_the_lines_does_not_matter(words):
    assert judged(*words) == judged(*reversed(words))


SEEN = Seen(
    order=ORDER,
    spoke={"git-ai": frozenset({"a" * 40}), "trailers": frozenset({"b" * 40}), "transcript": frozenset()},
    shared=frozenset({"git-ai", "trailers"}),
    always=frozenset({"trailers"}),
    strengths={"record": 60, "hook": 50, "transcript": 45, "git-ai": 40, "trailers": 10},
)
BLIND = Seen(ORDER, {"trailers": frozenset()}, SEEN.shared, SEEN.always, SEEN.strengths)
PLACE = ("a.py", "f")
TRAILER_CLAIM = Claim(10, Record("mixed", GPT.id, 0.5, HASH), (GPT,))


def settled(record: Record, *claims: Claim, seen: Seen = SEEN, today: str = HASH, by: Generation = OPUS):
    held = Manifest({by.id: by}, {"a.py": {"f": record}})
    moved = Moved(frozenset(), {}, {})
    found = settle(held, {PLACE: claims} if claims else {}, hashes={"a.py": {"f": today}}, moved=moved, seen=seen)
    return found.files.get("a.py", {}).get("f")


HUMAN = Record("human", None, None, HASH)
RECORDED_HUMAN = Record("human", None, 0.0, HASH)


def by(evidence: str, commit: str | None = "a" * 40) -> Generation:
    return OPUS._replace(evidence=evidence, commit=commit)


@pytest.mark.parametrize(
    ("evidence", "commit", "seen", "stays"),
    [
        ("record", "a" * 40, SEEN, True),
        ("hook", None, SEEN, True),
        ("transcript", "a" * 40, SEEN, True),  # of another machine
        ("git-ai", "a" * 40, SEEN, False),
        ("git-ai", "a" * 40, BLIND, True),  # this clone has no notes
        ("git-ai", "c" * 40, SEEN, True),  # its commit was squashed away
        ("trailers", "a" * 40, BLIND, False),
        ("a tool of tomorrow", "a" * 40, SEEN, True),
    ],
)
def test_a_held_record_stays_where_this_scan_cannot_know_better(evidence, commit, seen, stays):
    generation = by(evidence, commit)
    record = Record("ai", generation.id, 1.0, HASH)

    assert (record if stays else None) == settled(record, by=generation, seen=seen)


def test_of_two_that_fit_the_stronger_stays():
    generation = by("record")
    recorded = Record("ai", generation.id, 1.0, HASH)
    note = Claim(40, Record("mixed", OPUS.id, 0.5, HASH), (OPUS,))

    assert recorded == settled(recorded, note, by=generation)
    assert note.record == settled(Record("ai", by("sidecar", None).id, 1.0, HASH), note, by=by("sidecar", None))


def test_code_that_was_edited_loses_its_record_to_what_is_known_today():
    recorded = Record("ai", by("record").id, 1.0, HASH)

    assert TRAILER_CLAIM.record == settled(recorded, TRAILER_CLAIM, today="another", by=by("record"))
    assert recorded == settled(recorded, today="another", by=by("record"))


def test_a_person_known_by_evidence_is_one_no_longer_than_the_evidence_says():
    assert settled(HUMAN) is None
    assert HUMAN == settled(HUMAN, seen=BLIND)
    assert settled(HUMAN, seen=BLIND, today="another") is None
    assert HUMAN == settled(HUMAN, TRAILER_CLAIM, seen=BLIND)


def test_a_person_that_somebody_recorded_stays():
    assert RECORDED_HUMAN == settled(RECORDED_HUMAN)
    assert RECORDED_HUMAN == settled(RECORDED_HUMAN, TRAILER_CLAIM)
