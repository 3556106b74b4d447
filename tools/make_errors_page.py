#!/usr/bin/env python3
"""Writes docs/reference/errors.md from include/ashlar/errors.def; with --check, fails when the page is not up to date."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
line = re.compile(r'ASHLAR_ERROR\(\s*(\w+),\s*"(\w{5})",\s*again::(\w+),\s*known::(\w+),\s*"((?:[^"\\]|\\.)*)"\s*\)')
text = re.sub(r"^//.*$", "", (root / "include/ashlar/errors.def").read_text(), flags=re.M)
rows = line.findall(text)
if len(rows) != text.count("ASHLAR_ERROR("):
    sys.exit("errors.def has a line that this script cannot read")
page = """# Errors

Made from `include/ashlar/errors.def` by `tools/make_errors_page.py`. A server's own error keeps its SQLSTATE and text; these are the
names that Ashlar gives. *Try again*: may the same call succeed when made again (never, later, now). *Outcome*: is it known
what became of the work.

| name | SQLSTATE | meaning | try again | outcome |
|---|---|---|---|---|
"""
page += "".join(f"| `{n}` | {s} | {m} | {a} | {'known' if k == 'yes' else '**unknown**'} |\n" for n, s, a, k, m in rows)
target = root / "docs/reference/errors.md"
if "--check" in sys.argv:
    if not target.exists() or target.read_text() != page:
        sys.exit("docs/reference/errors.md is not up to date: run tools/make_errors_page.py")
else:
    target.write_text(page)
