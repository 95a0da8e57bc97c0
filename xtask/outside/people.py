"""Two people for schemathesis, who sign in again whenever a generated call has put them out.

STOCKADE_PEOPLE names a file with {"origin", "authority", "link", "from", "as"}; the owner and a trader are made at the
first use and written back to it. Each call of an operation carries the cookies of the person named in "as".
"""
import base64
import hashlib
import hmac
import http.cookiejar
import itertools
import json
import os
import pathlib
import re
import struct
import time

import requests
import schemathesis

PLACE = pathlib.Path(os.environ["STOCKADE_PEOPLE"])
# A proof of both factors opens dangerous routes for five minutes.
FRESH_SECONDS = 240
# How often a sign-in that is slowed is tried again.
PATIENCE = 6
# A session ends where its token is shown by another browser.
BROWSER = f"schemathesis/{schemathesis.__version__}"
ACCESS = "__Host-stockade-access"
OWNER = {"email": "owner@people.example", "password": "nine quiet herons wade upstream"}
TRADER = {"email": "trader@people.example", "password": "seven patient otters row home"}


def code(secret, step):
    """Six digits of RFC 6238."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.digest(key, struct.pack(">Q", step), "sha1")
    at = mac[-1] & 15
    return f"{(struct.unpack_from('>I', mac, at)[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Elsewhere(requests.adapters.HTTPAdapter):
    """A neighbour's address: what schemathesis guesses must not use up the attempts of a sign-in."""

    def __init__(self, source):
        self.source = source
        super().__init__()

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, source_address=(self.source, 0), **kwargs)


class Person:
    """Somebody with a browser: one name of it, and the cookies that it holds."""

    def __init__(self, house, who):
        self.house, self.who, self.cookies = house, who, {}
        self.proved, self.step = 0.0, who.get("step", 0)
        self.way = requests.Session()
        self.way.mount("https://", Elsewhere(house["from"]))
        # The cookies are kept here, with their prefixes.
        self.way.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))

    def ask(self, method, path, form=None, work=None):
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"user-agent": BROWSER, "cookie": cookies} | ({"stockade-work": work} if work else {})
        answer = self.way.request(
            method,
            self.house["origin"] + path,
            json=form,
            headers=headers,
            verify=self.house["authority"],
            timeout=60,
        )
        self.keep(answer)
        return answer

    def keep(self, answer):
        """Cookies as a browser keeps them."""
        headers = getattr(answer, "raw", None)
        lines = headers.headers.getlist("set-cookie") if headers is not None else answer.headers.get("set-cookie", [])
        for line in lines:
            name, _, value = line.split(";")[0].partition("=")
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)

    def need(self, method, path, form=None):
        answer = self.ask(method, path, form)
        # Guesses at the person's own factors were answered as guesses are.
        for _ in range(PATIENCE):
            if answer.status_code != 429:
                break
            if answer.json().get("code") == "work":
                answer = self.ask(method, path, form, self.work())
            else:
                time.sleep(float(answer.headers.get("retry-after", 1)))
                answer = self.ask(method, path, form)
        if not answer.ok:
            raise RuntimeError(f"{method} {path} answers {answer.status_code}: {answer.text}")
        return answer.json() if answer.content else None

    def work(self):
        """The puzzle of an address from which much was guessed, and schemathesis guesses much."""
        given = self.ask("GET", "/api/v1/puzzle").json()
        for tried in itertools.count():
            text = f"{given['puzzle']}.{tried}"
            digest = hashlib.sha256(text.encode()).digest()
            if int.from_bytes(digest, "big") >> (256 - given["bits"]) == 0:
                return text

    def factor(self):
        """What was not used: recovery codes first, then a code of the authenticator each half minute."""
        if self.who.get("recovery"):
            return {"kind": "recovery", "code": self.who["recovery"].pop()}
        return {"kind": "totp", "code": self.digits()}

    def digits(self):
        while int(time.time()) // 30 <= self.step:
            time.sleep(0.2)
        self.step = int(time.time()) // 30
        self.who["step"] = self.step
        return code(self.who["secret"], self.step)

    def sign_in(self):
        self.cookies.pop(ACCESS, None)
        form = {"email": self.who["email"], "password": self.who["password"]}
        taken = self.need("POST", "/api/v1/sign-in", form)
        if taken.get("challenge"):
            form = {"challenge": taken["challenge"], **self.factor()}
            self.need("POST", "/api/v1/sign-in/factor", form)
        self.proved = time.time()

    def ready(self):
        """Signed in, and lately."""
        if ACCESS in self.cookies and time.time() - self.proved < FRESH_SECONDS:
            return
        if ACCESS in self.cookies and self.prove():
            return
        self.sign_in()

    def prove(self):
        """Both factors again, in the same session."""
        factor = {"kind": "totp", "code": self.digits()} if "secret" in self.who else None
        answer = self.ask("POST", "/api/v1/session/step-up", {"password": self.who["password"], "factor": factor})
        self.proved = time.time()
        return answer.ok


def made(house):
    """The owner by the link that the server printed, the trader by an invitation."""
    owner = Person(house, dict(OWNER))
    token = house["link"].partition("#")[2]
    begun = owner.need("POST", "/api/v1/setup/begin", {"token": token, "display_name": "Ada", **OWNER})
    owner.who["secret"] = begun["totp"]["secret"].replace(" ", "")
    form = {"ticket": begun["ticket"], "code": owner.digits()}
    owner.who["recovery"] = owner.need("POST", "/api/v1/setup/finish", form)["recovery_codes"]
    owner.need("POST", "/api/v1/invitations", {"email": TRADER["email"], "role": "trader"})
    letters = json.dumps(owner.need("GET", "/api/v1/outbox"))
    link = re.search(r"/link/[a-z-]+#([\w.-]+)", letters)
    trader = Person(house, dict(TRADER))
    form = {"token": link[1], "display_name": "Tom", "password": TRADER["password"]}
    trader.need("POST", "/api/v1/register/finish", form)
    return {"owner": owner.who, "trader": trader.who}


def somebody():
    house = json.loads(PLACE.read_text())
    if "people" not in house:
        house["people"] = made(house)
        PLACE.write_text(json.dumps(house))
    return Person(house, house["people"][house["as"]])


PERSON = somebody()


@schemathesis.auth(refresh_interval=None)
class Cookies:
    """What the person's browser sends, where an operation asks for somebody."""

    def get(self, case, context):
        PERSON.ready()
        return dict(PERSON.cookies)

    def set(self, case, data, context):
        if not case.operation.definition.raw.get("security"):
            return
        case.cookies = {**(case.cookies or {}), **data}
        case.headers["user-agent"] = BROWSER


# What browsers call the JSON of a report about our policy.
schemathesis.serializer.alias("application/csp-report", "application/json")


@schemathesis.hook
def after_call(context, case, response):
    """The browser keeps what came; whoever was put out signs in again."""
    sent = (case.cookies or {}).get(ACCESS)
    if sent is None or sent != PERSON.cookies.get(ACCESS):
        return
    PERSON.keep(response)
    # A door that nobody need be signed in for says 401 of what was typed.
    if response.status_code == 401 and PERSON.ask("GET", "/api/v1/account").status_code == 401:
        PERSON.cookies.pop(ACCESS, None)
