#!/usr/bin/env python3
"""Finds full expressions with co_await that g++ 12 miscompiles.

A temporary of aggregate or closure type in the full expression of a co_await is copied into the coroutine's frame bit by
bit, without its move constructor: a std::string in it then points into the old place, and free() crashes. So no braced
temporary, no braced argument and no capturing lambda may stand in a statement with co_await: name it first, then
std::move it.

    tools/check_coroutines.py [FILE…]      all sources of the tree by default; exits 1 with file:line for each finding
    tools/check_coroutines.py --self-test

The value of `a ? co_await b : co_await c` is copied in the same way, and then destroyed twice: write if and else.

Text only, by design: it knows no types, so it also refuses a harmless braced temporary of a class with constructors
(write it with parentheses, or name it). A statement that ends in a marker comment `// braces: fine, REASON` is let
through.
"""
import pathlib
import re
import subprocess
import sys

# Awaitables without members that own anything, meant to be written in place; casts of plain numbers and instants.
ALLOWED = re.compile(
    r"\b(this_scope|without_scope|deadline|instant|milliseconds|microseconds|nanoseconds|seconds|std::monostate|"
    r"std::string|std::string_view|std::span(<[^<>]*>)?|slot_number|interest)\s*$")
MARKER = "braces: fine"
# What may stand right before a brace that opens a block, not a value.
BLOCK_BEFORE = re.compile(r"(\)|\belse|\bdo|\btry|\bconst|\bnoexcept|\boverride|\bfinal|\bmutable|->\s*[\w:<>,&*\s]+)\s*$")


def blank(text):
    """The text with comments, strings and characters blanked, newlines kept."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
        re.S)

    def hide(match):
        found = match.group(0)
        if found[0] in "\"R'":
            return '"' + re.sub(r"[^\n]", "_", found[1:-1]) + '"'
        return re.sub(r"[^\n]", " ", found)

    return pattern.sub(hide, text)


def matching(text, at):
    """The index behind the bracket that closes the one at `at`."""
    pairs = {"(": ")", "[": "]", "{": "}"}
    stack = []
    for i in range(at, len(text)):
        c = text[i]
        if c in pairs:
            stack.append(pairs[c])
        elif stack and c == stack[-1]:
            stack.pop()
            if not stack:
                return i + 1
    return len(text)


def expression_around(text, at):
    """The bounds of the full expression in which co_await stands: its statement, or the header of its if or while."""
    depth = 0
    start = at
    while start > 0:
        c = text[start - 1]
        if c in ")]}":
            if c == "}" and depth == 0 and not is_value_brace(text, opening_of(text, start - 1)):
                break
            start = opening_of(text, start - 1)
            continue
        if c in "([":
            header = re.search(r"\b(if|while|switch|for)\s*(constexpr)?\s*$", text[:start - 1])
            if header:
                break
            depth += 1
        elif c == "{":
            if not is_value_brace(text, start - 1):
                break
        elif c == ";":
            break
        start -= 1
    end = start
    while end < len(text):
        c = text[end]
        if c in "([":
            end = matching(text, end)
            continue
        if c == "{":
            if not is_value_brace(text, end):
                break
            end = matching(text, end)
            continue
        if c in ";)}":
            break
        end += 1
    return start, max(end, at)


def opening_of(text, closing):
    pairs = {")": "(", "]": "[", "}": "{"}
    stack = [pairs[text[closing]]]
    i = closing - 1
    while i >= 0:
        c = text[i]
        if c in pairs:
            stack.append(pairs[c])
        elif c == stack[-1]:
            stack.pop()
            if not stack:
                return i
        i -= 1
    return 0


def is_value_brace(text, at):
    """Does the brace at `at` make a value? Else it opens a block or a class."""
    before = text[:at].rstrip()
    if not before or before[-1] in ";{}:":
        return False
    if before[-1] == ")" or BLOCK_BEFORE.search(before[-200:]):
        return False
    line = re.split(r"[;{}]", before)[-1]
    return not re.search(r"\b(struct|class|enum|union|namespace)\b", line)


def end_of_lambda(text, at):
    """The index behind the body of the lambda whose introducer opens at `at`; 0 when it is none."""
    before = text[:at].rstrip()
    if before and (before[-1].isalnum() or before[-1] in "_)]"):
        if not re.search(r"\b(return|co_return|co_yield|co_await)$", before):
            return 0
    after = matching(text, at)
    head = re.match(r"\s*(<[^{}]*?>)?\s*(\()?", text[after:])
    if head.group(2):
        after = matching(text, after + head.end() - 1)
    elif text[at + 1:at + 2] == "[":
        return 0
    body = re.match(r"\s*(mutable|noexcept|constexpr|static|->[\w\s:<>,&*]+)*\s*\{", text[after:])
    return matching(text, after + body.end() - 1) if body else 0


def findings(source):
    text = blank(source)
    lines = source.split("\n")
    found = []
    seen = set()
    for await_ in re.finditer(r"\bco_await\b", text):
        start, end = expression_around(text, await_.start())
        if (start, end) in seen:
            continue
        seen.add((start, end))
        question = text.find("?", start, end)
        if question >= 0 and re.search(r"\bco_await\b", text[question:end]):
            line = text.count("\n", 0, question) + 1
            if MARKER not in lines[line - 1]:
                found.append((line, "a choice by ?: between values that are awaited"))
        i = start
        while i < end:
            c = text[i]
            what = None
            if c == "[":
                lambda_end = end_of_lambda(text, i)
                if lambda_end and text[i + 1:matching(text, i) - 1].strip():
                    what = "a capturing lambda"
                elif lambda_end:
                    i = lambda_end  # its body is statements of their own
                    continue
            elif c == "{":
                before = text[start:i].rstrip()
                declares = re.search(r"^\s*(const\s+)?[\w:<>,\s*&]+\s+\w+$", before) and "co_await" not in before
                if not ALLOWED.search(before) and not declares:
                    what = "a braced temporary"
            if what:
                line = text.count("\n", 0, i) + 1
                if MARKER not in lines[line - 1]:
                    found.append((line, what))
                i = matching(text, i)
                continue
            i += 1
    return found


SELF_TEST = [
    # (is it a finding, code)
    (True, "co_await f(options{1, \"a\"});"),
    (True, "co_await f({1, 2});"),
    (True, "auto x = co_await f({});"),
    (True, "co_await f([s] { use(s); });"),
    (True, "co_await f([&] { g(); });"),
    (True, "if (co_await f(a{b})) { g(); }"),
    (True, "while (auto x = co_await f(a{b})) { g(); }"),
    (True, "co_return co_await run(plan{.shard = 3});"),
    (True, "co_await f(\n    g(),\n    point{1, 2});"),
    (True, "auto x = co_await [p]() -> task<> { co_return; }();"),
    (True, "use(thing{a}, co_await f(b));"),
    (True, "status s = own ? co_await f(a) : co_await f(b);"),
    (True, "auto x = own ? make(a)\n    : co_await f(b);"),
    (False, "x = own ? a : b;\nco_await f(x);"),
    (False, "auto x = co_await f(own ? a : b);"),
    (False, "co_await f(name);"),
    (False, "co_await f([] { g(); });"),
    (False, "co_await this_scope{};"),
    (False, "(void)co_await loop.sleep_until(deadline{now});"),
    (False, "options o{1, 2};\nco_await f(std::move(o));"),
    (False, "if (x) { y(); }\nco_await f(a);"),
    (False, "for (auto& a : all) { co_await f(a); }"),
    (False, "if (!co_await f(a)) { g(thing{1}); }"),
    (False, "switch (k) { case 1: { co_await f(a); } }"),
    (False, "struct s { static task<> f() { co_await g(); } };"),
    (False, "auto v = co_await f(a[i], b[j]);"),
    (False, "co_await f(\"{}\", '{');"),
    (False, "// co_await f({1});"),
    (False, "attempt trying{*this, slot};\nauto got = co_await c(x);"),
    (False, "result<int> r{co_await f(a)};"),
    (False, "task<void> f() {\n  co_await g();\n}\nthing x{1};"),
    (False, "auto g = [&x] { return x; };\nco_await f(g);"),
]


def self_test():
    wrong = 0
    for expected, code in SELF_TEST:
        if bool(findings("task<void> test() {\n" + code + "\n}\n")) != expected:
            print(f"self-test: {'missed' if expected else 'false alarm'}: {code!r}")
            wrong += 1
    print(f"check_coroutines: {len(SELF_TEST) - wrong} of {len(SELF_TEST)} samples judged rightly")
    return 1 if wrong else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    root = pathlib.Path(__file__).resolve().parent.parent
    files = [pathlib.Path(a) for a in arguments]
    if not files:
        listed = subprocess.run(["git", "-C", root, "ls-files", "*.cpp", "*.hpp"], capture_output=True, text=True, check=True)
        files = [root / name for name in listed.stdout.split()]
    bad = 0
    for file in files:
        source = file.read_text(errors="replace")
        if "co_await" not in source:
            continue
        for line, what in findings(source):
            name = file.relative_to(root) if file.is_relative_to(root) else file
            print(f"{name}:{line}: {what} in a full expression with co_await: name it first, then std::move it")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
