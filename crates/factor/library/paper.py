"""Reads the paper's formulas as printed (paper.txt) and evaluates them over given operators."""

import pathlib
import re

TOKEN = re.compile(r"\s*(?:(\d+\.?\d*|\.\d+)|([A-Za-z_][\w.]*)|(\|\||==|[-+*/^<>?:(),]))")
# From loose to tight.
LEVELS = [["||"], ["<", ">", "=="], ["+", "-"], ["*", "/"]]


def formulas():
    text = (pathlib.Path(__file__).parent / "paper.txt").read_text()
    lines = (line.split(": ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {int(number): parse(formula) for number, formula in lines}


def parse(text):
    """The formula as nested tuples: a number, ("name", n) or (operator, argument, ...)."""
    tokens, at = [], 0
    while at < len(text.rstrip()):
        found = TOKEN.match(text, at)
        number, name, sign = found.groups()
        tokens.append(float(number) if number else ("name", name.lower()) if name else sign)
        at = found.end()
    tokens.append("end")
    tree = choice(tokens)
    assert tokens == ["end"], tokens
    return tree


def choice(tokens):
    condition = binary(tokens, 0)
    if tokens[0] != "?":
        return condition
    tokens.pop(0)
    yes = choice(tokens)
    assert tokens.pop(0) == ":"
    return ("where", condition, yes, choice(tokens))


def binary(tokens, level):
    if level == len(LEVELS):
        return sign(tokens)
    left = binary(tokens, level + 1)
    while tokens[0] in LEVELS[level]:
        left = (tokens.pop(0), left, binary(tokens, level + 1))
    return left


def sign(tokens):
    if tokens[0] == "-":
        tokens.pop(0)
        return ("*", -1.0, sign(tokens))
    base = primary(tokens)
    if tokens[0] == "^":
        tokens.pop(0)
        return ("^", base, sign(tokens))
    return base


def primary(tokens):
    token = tokens.pop(0)
    if token == "(":
        inner = choice(tokens)
        assert tokens.pop(0) == ")"
        return inner
    if isinstance(token, tuple) and tokens[0] == "(":
        arguments = []
        while tokens.pop(0) != ")":
            arguments.append(choice(tokens))
            assert tokens[0] in (",", ")")
        return (token[1], *arguments)
    return token


def evaluate(tree, operators, fields, known):
    """Its value; `known` keeps what was computed, so that a repeated part is computed once."""
    if isinstance(tree, float):
        return tree
    if tree in known:
        return known[tree]
    if tree[0] == "name":
        name = tree[1].removeprefix("indclass.")
        if name in fields:
            value = fields[name]
        elif name == "returns":
            value = operators["/"](fields["close"], operators["delay"](fields["close"], 1)) - 1
        else:
            # The paper says dollars; it compares with `volume` and divides it, so it is shares.
            value = operators["mean"](fields["volume"], int(name.removeprefix("adv")))
    else:
        kind, *arguments = tree
        if kind in ("min", "max") and isinstance(arguments[1], float):
            kind = f"ts_{kind}"
        if kind in WINDOWED:
            arguments[-1] = float(int(arguments[-1]))
        values = [evaluate(part, operators, fields, known) for part in arguments]
        if kind in WINDOWED:
            values[-1] = int(values[-1])
        value = operators[kind](*values)
    known[tree] = value
    return value


# Operators whose last argument is a number of days; a fraction is cut off, as the paper says.
WINDOWED = {
    "delay", "delta", "correlation", "covariance", "decay_linear", "ts_min", "ts_max", "ts_argmax",
    "ts_argmin", "ts_rank", "sum", "product", "stddev",
}  # fmt: skip
