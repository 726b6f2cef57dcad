"""Connect proteus to the running Tryton server named by the environment."""
import os

from proteus import config


def connect():
    """Return proteus' context manager of one session on the server.

    It talks to the server as any other program does, so that the server sees
    every change at once.
    """
    url = '%s/%s/rpc/' % (
        os.environ['ENCOURS_TEST_TRYTON_URL'].rstrip('/'),
        os.environ['ENCOURS_TEST_TRYTON_DB'])
    return config.set_xmlrpc_session(
        url, os.environ['ENCOURS_TEST_TRYTON_USER'],
        os.environ['ENCOURS_TEST_TRYTON_PASSWORD'])
