#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The role's variables stand in three places; meta/argument_specs.yml leads.

variables.py            says where README.md or defaults/main.yml differ from it
variables.py --write    writes both anew
"""
import difflib
import json
import pathlib
import sys

import yaml

role = pathlib.Path(__file__).parent / "roles" / "sluice"
begin, end = "<!-- variables: made by variables.py -->\n", "<!-- end of variables -->\n"


def literal(value):
    """A value as one would write it in YAML."""
    return json.dumps(value) if not isinstance(value, str) or value == "" or "{" in value else value


def table(options):
    lines = ["| Variable | Type | Default | Meaning |\n", "|---|---|---|---|\n"]
    for name, option in options.items():
        kind = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
        if "choices" in option:
            kind = ", ".join(option["choices"])
        lines.append(
            f"| `{name}` | {kind} | `{literal(option['default'])}` | {option['description'].strip()} |\n"
        )
    return "".join(lines)


def defaults(options):
    lines = [
        "# SPDX-License-Identifier: Apache-2.0\n",
        "# Made by variables.py of meta/argument_specs.yml, which says what each is for.\n",
        "---\n",
    ]
    return "".join(lines + [f"{name}: {literal(option['default'])}\n" for name, option in options.items()])


def readme(options):
    text = (role / "README.md").read_text()
    head, rest = text.split(begin)
    return head + begin + table(options) + end + rest.split(end)[1]


def main():
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    options = specs["main"]["options"]
    wanted = {"README.md": readme(options), "defaults/main.yml": defaults(options)}
    status = 0
    for path, text in wanted.items():
        file = role / path
        if sys.argv[1:] == ["--write"]:
            file.write_text(text)
            continue
        have = file.read_text() if file.exists() else ""
        difference = list(difflib.unified_diff(have.splitlines(), text.splitlines(), path, "wanted", n=0, lineterm=""))
        if difference:
            print(*difference, "run ansible/variables.py --write", sep="\n")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
