"""Judges mails that come on standard input, each as its length in a line and its bytes; one line of JSON for each.

Uses dkimpy (the reference verifier of DKIM in Python) with the records given as the first argument, and the
standard library's parser of mail.
"""
import email, email.policy, json, sys

records = json.loads(sys.argv[1])


def verdicts(message, count):
    try:
        import dkim
    except ImportError:
        return None

    def dnsfunc(name, timeout=5):
        text = records.get(name.decode().rstrip("."))
        return text.encode() if text is not None else None

    good = []
    for index in range(count):
        try:
            good.append(bool(dkim.DKIM(message).verify(index, dnsfunc)))
        except dkim.DKIMException as error:
            good.append(str(error))
    return good


for line in sys.stdin.buffer:
    message = sys.stdin.buffer.read(int(line))
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    parts = [part for part in parsed.walk()]
    told = {
        "defects": [repr(d) for part in parts for d in part.defects],
        "fields": [[name, str(value)] for name, value in parsed.items()],
        "parts": [
            [part.get_content_type(), part.get_content()]
            for part in parts
            if part.get_content_maintype() == "text"
        ],
        "dkim": verdicts(message, message.lower().count(b"dkim-signature")),
    }
    print(json.dumps(told), flush=True)
