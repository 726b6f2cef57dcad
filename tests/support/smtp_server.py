"""A mail server that keeps each mail which it took whole as one file, FOLDER/NUMBER.json.

    smtp_server.py FOLDER [--login USER PASSWORD] [--starttls]

It listens on a free port of 127.0.0.1 and prints it. It refuses mail to nobody@… when it is named, and to full@… when it is there. With
--starttls it takes nothing in clear; its certificate, which it signs itself, is FOLDER/server.pem.
"""

import argparse
import asyncio
import base64
import datetime
import email
import ipaddress
import json
import logging
import os
import ssl
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--login", nargs=2)
parser.add_argument("--starttls", action="store_true")
arguments = parser.parse_args()


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 there is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server, session, envelope):
        if envelope.rcpt_tos[0].startswith("full@"):
            return "452 4.2.2 the mailbox is full"
        mail = email.message_from_bytes(envelope.content)
        parts = [part for part in mail.walk() if not part.is_multipart()]
        kept = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "message_id": mail["Message-ID"],
            "subject": str(email.header.make_header(email.header.decode_header(mail["Subject"]))),
            "parts": [
                {
                    "name": part.get_filename(),
                    "disposition": part.get_content_disposition(),
                    "base64": base64.b64encode(part.get_payload(decode=True)).decode(),
                }
                for part in parts
            ],
        }
        Handler.count += 1
        path = os.path.join(arguments.folder, f"{Handler.count}.json")
        with open(path + ".part", "w") as file:
            json.dump(kept, file)
        os.rename(path + ".part", path)
        return f"250 2.0.0 queued as {4710 + Handler.count}"


def authenticator(server, session, envelope, mechanism, data):
    login = [data.login.decode(), data.password.decode()] if isinstance(data, LoginPassword) else None
    return AuthResult(success=login == arguments.login, handled=False)


def certificate():
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.datetime.utcnow()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = os.path.join(arguments.folder, "server.pem")
    with open(pem, "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
    secret = os.path.join(arguments.folder, "server.key")
    with open(secret, "wb") as file:
        plain = serialization.NoEncryption()
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return context


async def main():
    options = {}
    if arguments.login:
        options.update(authenticator=authenticator, auth_required=True, auth_require_tls=arguments.starttls)
    if arguments.starttls:
        options.update(tls_context=certificate(), require_starttls=True)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Handler(), hostname="mail.example", **options), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
