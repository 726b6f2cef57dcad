"""An SFTP server that takes a password, which OpenSSH does only through the accounts of the machine.

    sftp_server.py FOLDER USER PASSWORD

It listens on a free port of 127.0.0.1, shows FOLDER as its root, and prints its port and the fingerprint of its key.
"""

import asyncio
import sys
import warnings

warnings.simplefilter("ignore")
import asyncssh  # noqa: E402

FOLDER, USER, PASSWORD = sys.argv[1:]


class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == (USER, PASSWORD)


async def main():
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=[key],
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=FOLDER),
    )
    print(server.sockets[0].getsockname()[1], key.get_fingerprint(), flush=True)
    await server.wait_closed()


asyncio.run(main())
