"""The registry names every attribute of ours that is ever sent, with its type, and no other.

Weaver's JSON schema of registry files is in no package; the file was checked against that of 2026-08 by hand:
`jsonschema.Draft202012Validator(schema).iter_errors(document)`. What it asks of an attribute is asked here as well.
"""

from __future__ import annotations

from typing import Any

import peers
import pytest
import yaml
from otel._project import Project
from otel.test_spans import ERRORS, STARTS

from aiprov_opentelemetry import _attributes

REGISTRY = peers.ROOT / "integrations" / "opentelemetry" / "assets" / "registry"
TYPES = {str: "string", int: "int", list: "string[]", tuple: "string[]"}


@pytest.fixture(scope="module")
def attributes() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load((REGISTRY / "aiprov.yaml").read_text())["groups"]
    return {attribute["id"]: attribute for group in groups for attribute in group["attributes"]}


@pytest.fixture(scope="module")
def sent(tmp_path_factory) -> dict[str, list[Any]]:
    """Every value that leaves by any way, by its name."""
    project = Project(tmp_path_factory.mktemp("otel"))
    printed = project.run("resource", *STARTS, *ERRORS, "logged_by_logging")
    spans = printed["spans"]
    places = [span["attributes"] for span in spans] + [span["resource"] for span in spans]
    places += [event for span in spans for event in span["events"]] + [each["attributes"] for each in printed["logs"]]
    places.append(dict(_attributes.listed("executed", ["program.py::ai_raises"])))
    found: dict[str, list[Any]] = {}
    for place in places:
        for name, value in place.items():
            if name.startswith("aiprov.") and value != "mine":
                found.setdefault(name, []).append(value)
    return found


def test_names_what_is_sent_and_nothing_else(attributes, sent):
    assert set(attributes) == set(sent)


def test_types_and_members_are_those_that_are_sent(attributes, sent):
    for name, values in sent.items():
        kind = attributes[name]["type"]
        if isinstance(kind, dict):
            assert set(values) <= {member["value"] for member in kind["members"]}, name
        else:
            assert {TYPES[type(value)] for value in values} == {kind}, name


def test_every_attribute_is_described_and_has_examples_of_its_type(attributes):
    for name, attribute in attributes.items():
        assert attribute["brief"].endswith("."), name
        assert attribute["stability"] == "development", name
        if isinstance(attribute["type"], str):
            assert {TYPES[type(example)] for example in attribute["examples"]} == {attribute["type"]}, name
        else:
            assert all({"id", "value", "stability"} <= set(member) for member in attribute["type"]["members"]), name
