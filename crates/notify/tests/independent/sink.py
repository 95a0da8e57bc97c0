"""A mail server of others (aiosmtpd): prints its port, then for each mail how it came, and the mail itself."""
import asyncio, base64, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

certificate, key, manner, mechanism = sys.argv[1:5]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
implicit = manner == "implicit"


class Handler:
    async def handle_DATA(self, server, session, envelope):
        told = {
            "tls": session.ssl is not None or implicit,
            "login": session.auth_data.decode() if session.auth_data else None,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "mail": base64.b64encode(envelope.original_content).decode(),
        }
        print(json.dumps(told), flush=True)
        return "250 2.0.0 kept"


def check(server, session, envelope, mechanism, data):
    return AuthResult(success=data.password == b"open sesame", handled=False, auth_data=data.login)


def protocol():
    tls = None if implicit else context
    # Its own check of TLS looks for STARTTLS only; with implicit TLS the listener saw to it.
    other = {"PLAIN", "LOGIN"} - {mechanism}
    return SMTP(Handler(), tls_context=tls, require_starttls=not implicit, authenticator=check,
                auth_required=True, auth_require_tls=not implicit, auth_exclude_mechanism=other,
                enable_SMTPUTF8=False)


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if implicit else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(120)


asyncio.run(main())
