"""Holds documents against the schemas beside this file: lines of {"form", "document"} in, a line of faults each out."""

import json
import pathlib
import sys

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7, DRAFT202012

here = pathlib.Path(__file__).parent


def schema(name):
    return json.loads((here / name).read_text())


# Ours is not among the prefixes that osv.dev imports; all else of the schema holds.
osv = schema("osv-1.6.json")
osv["$defs"]["prefix"]["pattern"] = "^STOCKADE-[0-9]{4}-[0-9]{3}$"
# We speak one version of CVSS; the others fit nothing.
never = Resource.from_contents({"not": {}}, default_specification=DRAFT202012)
scores = "https://www.first.org/cvss/cvss-v"
registry = Registry().with_resources(
    [
        (f"{scores}2.0.json", never),
        (f"{scores}3.0.json", never),
        (f"{scores}3.1.json", Resource.from_contents(schema("cvss-3.1.json"), default_specification=DRAFT7)),
    ]
)
forms = {
    "osv": Draft202012Validator(osv),
    "csaf": Draft202012Validator(schema("csaf-2.0.json"), registry=registry),
}
for line in sys.stdin:
    given = json.loads(line)
    faults = forms[given["form"]].iter_errors(given["document"])
    print(json.dumps([f"{fault.json_path}: {fault.message}"[:300] for fault in faults]), flush=True)
