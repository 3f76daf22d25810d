"""The verb on a real repository and a real file of events."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from random import Random

import pytest

from aiprov.cli import run
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import Generation, Manifest, Record, dumps

PATH = "src/shop/pricing.py"
GOOD = """\
class Cart:
    def __init__(self, items):
        self.items = items

    def total(self, rates):
        return sum(rates.get(item, 1) for item in self.items)


def checkout(request):
    return Cart(request).total({})


def helper():
    return 1
"""
BAD = "import math\n\n\n" + GOOD.replace("rates.get(item, 1)", "rates[item]")
CLAUDE = Generation(model="anthropic/claude-opus-4-6", tool="claude-code", prompt_hash="sha256:" + "ab" * 32)
CULPRIT = f"{PATH}::Cart.total"
START = datetime(2026, 11, 21, 10)  # noqa: DTZ001  # written out with a Z


def git(root, *arguments):
    command = ["git", "-C", root, "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(root, source, *, tag, ai=("Cart.total",), subject="Change"):
    (root / "src/shop").mkdir(parents=True, exist_ok=True)
    (root / ".aiprov").mkdir(exist_ok=True)
    (root / PATH).write_text(source)
    functions = {
        qualname: Record(
            "ai" if qualname in ai else "human", CLAUDE.id if qualname in ai else None, None, one.code_hash
        )
        for qualname, one in regions(source).items()
    }
    (root / ".aiprov/manifest.yaml").write_bytes(dumps(Manifest({CLAUDE.id: CLAUDE}, {PATH: functions})))
    git(root, "add", "-A")
    git(root, "commit", "-qm", subject)
    git(root, "tag", tag)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    git(root, "init", "-q", "-b", "main")
    commit(root, GOOD, tag="v1")
    commit(root, BAD, tag="v2", subject="Look rates up \x1b[31mdirectly")
    commit(root, BAD.replace("return 1\n", "return 2\n"), tag="v3")
    return root


def event(at, release, names, *, user, error="builtins.KeyError", source=None):
    lines = regions(source or (GOOD if release == "v1" else BAD))
    frames = [
        {"file": "/srv/app/shop/pricing.py", "line": lines[name].end, "function": name, "app": True} for name in names
    ]
    return {
        "schema": "aiprov.event/1",
        "timestamp": at.isoformat() + "Z",
        "release": release,
        "environment": "production",
        "host": "web-1",
        "pid": 1,
        "thread": 1,
        "trace": None,
        "user": user,
        "manifest": None,
        "exceptions": [{"type": error, "relation": "top", "parent": None, "frames": frames}],
        "aiprov": {},
    }


def day(*, spike=40, bad="v2", names=("checkout", "Cart.total"), error="builtins.KeyError"):
    """A day of release v1 with an error an hour, then an hour of another release."""
    random = Random(1)
    for hour in range(25):
        at = START + timedelta(hours=hour, minutes=random.randrange(60))
        yield event(at, "v1" if hour < 24 else bad, ["checkout"], user=f"u{hour}", error="requests.Timeout")
    for number in range(spike):
        at = START + timedelta(days=1, seconds=90 * number)
        yield event(at, bad, names, user=f"user-{number}", error=error)


@pytest.fixture
def spike(repository, tmp_path, capsys):
    """Run the verb on events; exit code, standard output, standard error."""

    def call(events, *options, repo=repository):
        source = tmp_path / "events.jsonl"
        source.write_text("".join(json.dumps(one) + "\n" for one in events))
        code = run(["spike", str(source), "--repo", str(repo), *options])
        return code, *capsys.readouterr()

    return call


def test_json_holds_the_contract(spike, repository):
    code, out, _ = spike(day(), "--release", "v2", "--baseline-release", "v1", "--json")
    found = json.loads(out)
    suspect = found["suspects"][0]
    bad, good = git(repository, "rev-parse", "v2"), git(repository, "rev-parse", "v1")

    assert code == 1
    assert next(iter(found.items())) == ("schema", "aiprov.spike/1")
    assert found["verdict"] == "strong"
    assert {key: found["window"][key] for key in ("release", "revision", "since")} == {
        "release": "v2",
        "revision": bad,
        "since": "2026-11-22T10:00:00Z",
    }
    assert (found["baseline"]["release"], found["baseline"]["revision"]) == ("v1", good)
    assert (found["totals"]["events"], found["totals"]["units"]) == (41, 41)
    assert found["totals"]["excess"] == pytest.approx(40, abs=1)
    assert found["unexplained"] < 0.2
    assert [one["function"] for one in found["suspects"]] == [CULPRIT]
    assert suspect["units"] == {"incident": 40, "baseline": 0}
    assert (suspect["model"], suspect["tool"]) == (CLAUDE.model, CLAUDE.tool)
    assert (suspect["prompt_hash"], suspect["state"]) == (CLAUDE.prompt_hash, "verified")
    assert (suspect["verdict"], suspect["tier"]) == ("strong", "on_stack")
    assert set(suspect["factors"]) == {"explained_share", "rate", "specificity", "change"}
    assert suspect["factors"]["change"] == 1
    assert suspect["last_change"]["commit"] == bad
    assert suspect["revert"] == f"aiprov revert '{CULPRIT}' --to {good[:12]}"


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--since", "2026-11-22T10:00Z"),
        ("--since", "2026-11-22T11:00+01:00", "--until", "2026-11-22 11:30", "--baseline-since", "2026-11-21 10:00"),
        ("--release", "v2"),
        ("--release", "v2", "--exposure", "incident=100,baseline=2400"),
    ],
)
def test_every_way_to_name_the_windows_finds_it(spike, options):
    code, out, _ = spike(day(), "--json", *options)
    found = json.loads(out)

    assert code == 1
    assert found["suspects"][0]["function"] == CULPRIT
    assert found["window"]["proposed"] is (not options)


def test_where_no_rise_stands_out_a_manifests_digest_tells_the_newest_code(spike, repository):
    digests = {}
    for tag in ("v1", "v2"):
        committed = subprocess.run(
            ["git", "-C", repository, "show", f"{tag}:.aiprov/manifest.yaml"], check=True, capture_output=True
        )
        digests[tag] = hashlib.sha256(committed.stdout).hexdigest()[:12]
    events = []
    for hour in range(48):
        tag, names = ("v1", ["checkout"]) if hour < 24 else ("v2", ["checkout", "Cart.total"])
        one = event(START + timedelta(hours=hour), tag, names, user=f"u{hour}", error=f"requests.{tag}")
        events.append(one | {"release": None, "manifest": digests[tag]})

    code, out, _ = spike(events, "--json")

    assert code == 1
    assert json.loads(out)["suspects"][0]["function"] == CULPRIT


def test_text_says_it_in_80_columns(spike, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = spike(day(), "--release", "v2", "--baseline-release", "v1")
    lines = out.splitlines()

    assert code == 1
    assert lines[0] == f"Strong: consistent with a regression in {CULPRIT}."
    assert f"   aiprov revert '{CULPRIT}' --to " in out
    assert "\x1b" not in out
    assert "Look rates up \\u001b[31mdirectly" in " ".join(out.split())
    assert max(map(len, lines)) <= 80
    assert "caused" not in out


def test_the_same_rise_through_peoples_code_names_nothing(spike):
    code, out, _ = spike(day(names=("helper",), error="builtins.TypeError"), "--release", "v2")

    assert code == 0
    assert out.startswith("No AI-generated function explains this spike.\n")
    assert f"most of it on {PATH}::helper" in out


def test_a_changed_function_beside_the_stack_is_possible_and_said_to_be_beside_it(spike):
    code, out, _ = spike(day(names=("checkout",), error="builtins.TypeError"), "--release", "v2", "--json")
    (suspect,) = json.loads(out)["suspects"]

    assert code == 1
    assert (suspect["function"], suspect["tier"], suspect["verdict"]) == (CULPRIT, "near_stack", "possible")
    assert suspect["linked"] == f"{PATH}::checkout"
    assert suspect["reason"] == f"not on the stack: called by it, {PATH}::checkout"


def test_beside_the_stack_nothing_is_named_where_people_changed_something_too(spike, tmp_path):
    root = tmp_path / "both"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    source = GOOD.replace("Cart(request).total({})", "helper() + Cart(request).total({})")
    commit(root, source, tag="v1")
    both = source.replace("rates.get(item, 1)", "rates[item]").replace("return 1", "return None")
    commit(root, both, tag="v2")
    events = list(day(names=("checkout",), error="builtins.TypeError"))
    code, out, _ = spike(events, "--release", "v2", "--json", repo=root)

    assert (code, json.loads(out)["suspects"]) == (0, [])


def test_errors_within_their_usual_ups_and_downs_are_no_finding(spike):
    code, out, _ = spike(day(spike=0))

    assert (code, out.splitlines()[:2]) == (
        0,
        [
            "No AI-generated function explains this spike.",
            "No function's errors rose beyond the usual ups and downs.",
        ],
    )


def test_code_that_was_not_deployed_in_between_has_nothing_to_revert(spike):
    events = [one | {"release": "v2"} for one in day(bad="v2")]
    code, out, _ = spike(events, "--since", "2026-11-22T10:00Z", "--json")
    found = json.loads(out)

    assert (code, found["verdict"]) == (1, "possible")
    assert found["suspects"][0]["changed"] == "unchanged"
    assert any("same revision" in note for note in found["notes"])


def test_a_release_that_did_not_touch_the_function_is_not_its_regression(spike):
    events = [event(START, "v2", ["checkout"], user="u")] + [one for one in day(bad="v3") if one["release"] == "v3"]
    code, out, _ = spike(events, "--release", "v3", "--baseline-release", "v2", "--json")
    found = json.loads(out)

    assert (code, found["verdict"], found["suspects"]) == (0, "none", [])
    assert "a revert changes nothing" in found["considered"][0]["reason"]


def test_a_file_that_moved_is_no_new_code(spike, tmp_path):
    root = tmp_path / "moved"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, GOOD, tag="v1")
    git(root, "mv", "src/shop", "src/store")
    manifest = root / ".aiprov/manifest.yaml"
    manifest.write_text(manifest.read_text().replace("src/shop", "src/store"))
    git(root, "commit", "-qam", "Move")
    git(root, "tag", "v2")
    events = [event(START + timedelta(minutes=7 * n), "v1", ["Cart.total"], user=f"u{n}") for n in range(200)]
    for number in range(8):
        at = START + timedelta(days=1, minutes=7 * number)
        moved = event(at, "v2", ["Cart.total"], user=f"v{number}", source=GOOD)
        moved["exceptions"][0]["frames"][0]["file"] = "/srv/app/store/pricing.py"
        events.append(moved)
    code, out, _ = spike(events, "--release", "v2", "--json", repo=root)
    found = json.loads(out)

    assert (code, found["verdict"]) == (0, "none")
    assert found["totals"]["excess"] < 2
    assert found["considered"][0]["changed"] == "unchanged"


def test_another_environment_does_not_say_when_a_release_came(spike):
    early = event(START - timedelta(days=3), "v2", ["helper"], user="tester") | {"environment": "staging"}
    code, out, _ = spike([early, *day()], "--release", "v2", "--environment", "production", "--json")
    found = json.loads(out)

    assert code == 1
    assert (found["baseline"]["release"], found["window"]["since"]) == ("v1", "2026-11-22T10:00:00Z")


def test_events_of_an_unknown_release_are_looked_up_at_head_and_only_possible(spike):
    events = [one | {"release": {"v1": "old", "v2": "new"}[one["release"]]} for one in day()]
    _, out, _ = spike(events, "--since", "2026-11-22T10:00Z", "--json")
    found = json.loads(out)

    assert found["verdict"] == "possible"
    assert any("No commit is known for release old, new" in note for note in found["notes"])


def test_a_manifest_digest_stands_in_for_a_release(spike, repository):
    digests = {
        tag: subprocess.run(
            f"git show {tag}:.aiprov/manifest.yaml | sha256sum",
            shell=True,
            cwd=repository,
            capture_output=True,
            check=True,
        ).stdout.decode()[:12]
        for tag in ("v1", "v2")
    }
    events = [one | {"release": None, "manifest": digests[one["release"]]} for one in day()]
    code, out, _ = spike(events, "--since", "2026-11-22T10:00Z", "--json")
    found = json.loads(out)

    assert (code, found["verdict"]) == (1, "strong")
    assert found["window"]["revision"] == git(repository, "rev-parse", "v2")


def test_without_any_release_the_named_ones_were_running(spike, repository):
    events = [one | {"release": None} for one in day()]
    options = ("--since", "2026-11-22T10:00Z", "--release", "v2", "--baseline-release", "v1")
    code, out, _ = spike(events, *options, "--json")
    found = json.loads(out)

    assert (code, found["verdict"]) == (1, "strong")
    assert found["suspects"][0]["revert"].endswith(git(repository, "rev-parse", "v1")[:12])


def test_events_without_times_are_one_step_less_sure(spike):
    events = [one | {"timestamp": None} for one in day()]
    _, out, _ = spike(events, "--release", "v2", "--baseline-release", "v1", "--json")
    found = json.loads(out)

    assert (found["verdict"], found["suspects"][0]["reason"]) == ("likely", "the windows' lengths are unknown")


def test_an_empty_baseline_is_said_and_lowers_the_verdict(spike):
    events = [one for one in day() if one["release"] == "v2"]
    _, out, _ = spike(events, "--since", "2026-11-22T10:00Z", "--baseline-since", "2026-11-20T10:00Z", "--json")
    found = json.loads(out)

    assert found["verdict"] in ("possible", "likely")
    assert any("holds no error at all" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--release", "v9"), "no commit is known for release 'v9'"),
        (("--release", "v3"), "no event is of release 'v3'; the events name: v1, v2"),
        (("--release", "v1"), "give --baseline-release"),
        (("--since", "yesterday"), "--since 'yesterday': write it as"),
        (("--since", "999999w"), "--since '999999w': write it as"),
        (("--since", "0001-01-01T00:00+05:00"), "write it as"),
        (("--since", "2026-11-22T10:00Z", "--until", "2026-11-22T09:00Z"), "ends before it starts"),
        (("--since", "2026-11-22T10:00Z", "--baseline-until", "2026-11-22T11:00Z"), "overlaps the incident"),
        (("--until", "2026-11-22T10:00Z"), "give --since or --release"),
        (("--release", "v2", "--exposure", "incident=5"), "write it as incident=N,baseline=M"),
        (("--environment", "staging"), "of environment 'staging'"),
    ],
)
def test_what_a_person_can_mend_is_one_line_and_exit_2(spike, options, message):
    code, out, err = spike(day(), *options)

    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_outside_a_repository_is_exit_2(spike, tmp_path):
    code, _, err = spike(day(), repo=tmp_path)

    assert code == 2
    assert "not a git repository" in err


def test_a_repository_without_a_commit_is_exit_2(spike, tmp_path):
    git(tmp_path, "init", "-q")
    code, _, err = spike(day(), repo=tmp_path)

    assert (code, err) == (
        2,
        "aiprov: this repository has no commit yet; commit the code that the events come from\n",
    )


def test_a_command_that_revert_would_refuse_says_why(spike, tmp_path):
    root = tmp_path / "added"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, GOOD.replace("    def total", "    def sum"), tag="v1", ai=())
    commit(root, BAD, tag="v2")
    events = list(day())
    options = ("--release", "v2", "--baseline-release", "v1")
    _, out, _ = spike(events, *options, "--json", repo=root)
    suspect = json.loads(out)["suspects"][0]
    _, text, _ = spike(events, *options, repo=root)

    assert (suspect["function"], suspect["changed"], suspect["revert"]) == (CULPRIT, "new", None)
    assert "a new function, so a revert means removing it by hand" in suspect["revert_refused"]
    assert f"aiprov revert refuses as things are: {suspect['revert_refused']}" in text
    assert "aiprov revert '" not in text


def test_a_changed_file_leaves_the_command_and_says_what_stops_it(spike, tmp_path):
    root = tmp_path / "changed"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, GOOD, tag="v1")
    commit(root, BAD, tag="v2")
    (root / PATH).write_text(BAD + "\n# a note\n")
    _, out, _ = spike(day(), "--release", "v2", "--baseline-release", "v1", "--json", repo=root)
    suspect = json.loads(out)["suspects"][0]

    assert suspect["revert"] == f"aiprov revert '{CULPRIT}' --to {git(root, 'rev-parse', 'v1')[:12]}"
    assert suspect["revert_refused"] == f"{PATH} differs from the last commit; commit or restore it first"


def test_the_model_of_the_last_change_is_named_beside_the_one_that_wrote_most(spike, tmp_path):
    root = tmp_path / "two-models"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, GOOD, tag="v1")
    commit(root, BAD, tag="code")
    later = Generation(model="openai/gpt-5", commit=git(root, "rev-parse", "code"))
    record = Record("ai", CLAUDE.id, 1.0, regions(BAD)["Cart.total"].code_hash, (later.id,))
    both = Manifest({CLAUDE.id: CLAUDE, later.id: later}, {PATH: {"Cart.total": record}})
    (root / ".aiprov/manifest.yaml").write_bytes(dumps(both))
    git(root, "commit", "-qam", "Provenance")
    git(root, "tag", "v2")
    events, options = list(day()), ("--release", "v2", "--baseline-release", "v1")
    _, out, _ = spike(events, *options, "--json", repo=root)
    suspect = json.loads(out)["suspects"][0]
    _, text, _ = spike(events, *options, repo=root)

    assert (suspect["model"], suspect["last_change"]["model"]) == (CLAUDE.model, "openai/gpt-5")
    assert ", by openai/gpt-5: Change" in " ".join(text.split())


@pytest.mark.parametrize(("commit_known", "recorded"), [(True, False), (False, None)])
def test_a_last_change_without_a_record_is_not_laid_to_a_model(spike, tmp_path, commit_known, recorded):
    root = tmp_path / "by-hand"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, GOOD, tag="v1")
    earlier = CLAUDE._replace(commit=git(root, "rev-parse", "v1") if commit_known else None)
    record = Record("mixed", earlier.id, 0.5, regions(BAD)["Cart.total"].code_hash)
    (root / PATH).write_text(BAD)
    (root / ".aiprov/manifest.yaml").write_bytes(dumps(Manifest({earlier.id: earlier}, {PATH: {"Cart.total": record}})))
    git(root, "commit", "-qam", "By hand")
    git(root, "tag", "v2")
    events, options = list(day()), ("--release", "v2", "--baseline-release", "v1")
    _, out, _ = spike(events, *options, "--json", repo=root)
    change = json.loads(out)["suspects"][0]["last_change"]
    _, text, _ = spike(events, *options, repo=root)

    assert (change["recorded"], change["model"]) == (recorded, None)
    assert (", no model recorded for it: By hand" in " ".join(text.split())) is commit_known


def test_from_elsewhere_it_says_where_the_commands_run(spike, repository, monkeypatch):
    options = ("--release", "v2", "--baseline-release", "v1", "--json")
    _, _, outside = spike(day(), *options)
    monkeypatch.chdir(repository / "src")
    _, _, inside = spike(day(), *options)

    assert (outside, inside) == (f"run the commands in {repository}, or add --repo to them\n", "")


def test_a_long_name_is_not_cut_in_two(spike, tmp_path):
    root = tmp_path / "long"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    name = "a_name_that_is_as_long_as_names_of_tests_and_handlers_at_times_come_to_be_in_practice"
    good, bad = (text.replace("def total", f"def {name}") for text in (GOOD, BAD))
    commit(root, good, tag="v1", ai=(f"Cart.{name}",))
    commit(root, bad, tag="v2", ai=(f"Cart.{name}",))
    events = json.loads(json.dumps(list(day())).replace("Cart.total", f"Cart.{name}"))
    _, text, _ = spike(events, "--release", "v2", "--baseline-release", "v1", repo=root)

    assert f"Strong: consistent with a regression in {PATH}::Cart.{name}." in text.splitlines()
    assert f"1  {PATH}::Cart.{name}  strong" in text.splitlines()


@pytest.mark.parametrize(
    ("template", "end"),
    [("https://p.example/{prompt_hash}", "sha256%3A" + "ab" * 32), ("https://p.example/{generation}", CLAUDE.id)],
)
def test_a_prompt_is_linked_where_the_configuration_says_how(spike, repository, tmp_path, template, end):
    root = shutil.copytree(repository, tmp_path / "linked")
    (root / "pyproject.toml").write_text(f'[tool.aiprov]\nprompt_url = "{template}"\n')
    _, text, _ = spike(day(), "--release", "v2", repo=root)
    _, found, _ = spike(day(), "--release", "v2", "--json", repo=root)

    assert f"   prompt at https://p.example/{end}" in text.splitlines()
    assert f"https://p.example/{end}" == json.loads(found)["suspects"][0]["prompt_url"]


def test_a_file_that_this_python_does_not_read_is_named(spike, tmp_path):
    root = tmp_path / "newer"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, GOOD, tag="v1")
    (root / PATH).write_text(BAD + "\nsyntax of another day\n")
    git(root, "commit", "-qam", "Newer")
    git(root, "tag", "v2")
    _, _, err = spike(day(), "--release", "v2", "--baseline-release", "v1", repo=root)
    at = f"{PATH} at {git(root, 'rev-parse', 'v2')[:12]}"

    assert err.startswith(f"{at}: not valid Python {sys.version_info[0]}.{sys.version_info[1]}, so its functions are")


@pytest.mark.parametrize(("trace", "said"), [("one for the process", True), (None, False)])
def test_traces_as_long_as_a_process_are_said_to_hide_errors(spike, trace, said):
    events = [one | {"trace": trace} for one in day()]
    _, out, _ = spike(events, "--since", "2026-11-22T10:00Z", "--json")
    notes = json.loads(out)["notes"]

    assert any(note.startswith(f"{len(events)} events are on traces of over an hour") for note in notes) is said
