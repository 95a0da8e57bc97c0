"""Signs the cases of nowpayments.json, and writes the numbers of numbers.txt, without an engine of ECMAScript, and
compares: python3 sign.py

It writes numbers, texts and objects by the words of ECMA-262, with Python's decimal digits. sign.mjs does the same
with an engine."""

import base64
import hashlib
import hmac
import json
import pathlib
import sys


def number(literal):
    """ECMA-262 6.1.6.1.20, of the double that is nearest to what was written."""
    value = float(literal)
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, behind = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = whole + behind
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    rest = "." + digits[1:] if count > 1 else ""
    return f"{sign}{digits[0]}{rest}e{point - 1:+d}"


class Literal(str):
    """A number as it was written."""


SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text(value):
    signs = (SHORT.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value)
    return '"' + "".join(signs) + '"'


def is_index(key):
    return key.isascii() and key.isdigit() and str(int(key)) == key and int(key) < 2**32 - 1


def in_order(keys):
    """Indexes by their number, then all others as they come."""
    indexes = sorted((key for key in keys if is_index(key)), key=int)
    return indexes + [key for key in keys if not is_index(key)]


def units(key):
    return key.encode("utf-16-be", "surrogatepass")


def write(value, depth=0, sort_to=99, lists="kept", only=None):
    """sort_to: the depth up to which keys are sorted; only: the keys that are let through."""

    def inner(one):
        return write(one, depth + 1, sort_to, lists, only)

    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Literal):
        return number(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        if lists == "kept":
            return "[" + ",".join(inner(one) for one in value) + "]"
        value = {str(place): one for place, one in enumerate(value)}
    keys = [key for key in value if only is None or key in only]
    keys = sorted(keys, key=units) if depth <= sort_to else keys
    if only is None:
        keys = in_order(keys)
    return "{" + ",".join(f"{text(key)}:{inner(value[key])}" for key in keys) + "}"


def read(body):
    return json.loads(body, parse_int=Literal, parse_float=Literal)


def ascii_only(written):
    def unit(c):
        pair = c.encode("utf-16-be")
        return "".join(f"\\u{pair[at]:02x}{pair[at + 1]:02x}" for at in range(0, len(pair), 2))

    return "".join(c if c < "\x80" else unit(c) for c in written)


file = pathlib.Path(__file__).with_name("nowpayments.json")
vectors = json.loads(file.read_text(encoding="utf-8"))
SECRET = vectors["secret"]


def mac(written, secret=SECRET, name="sha512"):
    return hmac.new(secret.encode(), written.encode(), name).hexdigest()


def library(body):
    return mac(write(read(body)))


WAYS = {
    "library": library,
    "bytes": mac,
    "replacer": lambda body: mac(write(read(body), only=set(read(body)))),
    "shallow": lambda body: mac(write(read(body), sort_to=0)),
    "sample": lambda body: mac(write(read(body), lists="objects")),
    "php": lambda body: mac(ascii_only(write(read(body)))),
    "dumps": lambda body: mac(json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"))),
    "other secret": lambda body: mac(write(read(body)), "another-made-up-secret"),
    "no secret": lambda body: mac(write(read(body)), ""),
    "sha256": lambda body: mac(write(read(body)), name="sha256"),
    "hash": lambda body: hashlib.sha512(write(read(body)).encode()).hexdigest(),
    "cut": lambda body: library(body)[:126],
    "longer": lambda body: library(body) + "00",
    "empty": lambda body: "",
    "base64": lambda body: base64.b64encode(bytes.fromhex(library(body))).decode(),
}

other = [case["name"] for case in vectors["cases"] if WAYS[case["by"]](case["signs"]) != case["signature"]]
for name in other:
    print(f"another signature: {name}", file=sys.stderr)
lines = [line.split(" ") for line in file.with_name("numbers.txt").read_text().splitlines()]
wrong = [literal for literal, written in lines if number(literal) != written]
for literal in wrong:
    print(f"another number: {literal}", file=sys.stderr)
cases = len(vectors["cases"])
signatures, numbers = f"{cases - len(other)} of {cases}", f"{len(lines) - len(wrong)} of {len(lines)}"
print(f"{signatures} signatures and {numbers} numbers are the same")
sys.exit(1 if other or wrong else 0)
