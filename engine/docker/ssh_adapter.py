"""The Docker SDK's connections over ssh: the program's socket under http.client.

Owns the transport adapter for requests. Does not own the program (docker_ssh)
nor the SDK's client (docker_engines, which imports this in its worker threads
only). The SDK's own way needs paramiko even where it runs the ssh program, and
gives that neither a time limit nor an end.

Touches of urllib3: ``HTTPConnectionPool.ConnectionCls`` (set to our sub-class), and of an
HTTPConnection ``connect()``, ``getresponse()``, ``close()``, ``sock`` and ``timeout``, which are
those of http.client. Of requests: ``HTTPAdapter.get_connection_with_tls_context()``, through which
it asks for its pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests.adapters
import urllib3
import urllib3.connection

from engine.docker.ssh import SshProcess

if TYPE_CHECKING:
    from engine.docker.ssh import SshAddress

END_SECONDS = 1.0
"""What ssh gets to end after its connection broke, or after being told to."""
POOL_SIZE = 64
"""Idle connections kept: one for each worker thread there can be."""


class _Connection(urllib3.connection.HTTPConnection):
    address: SshAddress
    _ssh: SshProcess | None = None
    _answering = False

    def connect(self) -> None:
        self._ssh = SshProcess(self.address)
        self.sock = self._ssh.socket
        if isinstance(self.timeout, int | float):
            self.sock.settimeout(self.timeout)

    def getresponse(self) -> Any:
        # http.client closes a broken connection before it raises; ssh must not
        # be ended then: it knows best what broke, and is about to report it.
        self._answering = True
        try:
            return super().getresponse()
        except ConnectionError as error:
            broken = error
        finally:
            self._answering = False
        raise self._end() or broken

    def close(self) -> None:
        super().close()
        if self._ssh is not None and not self._answering:
            self._ssh.terminate()
            self._end()

    def _end(self) -> Exception | None:
        ssh, self._ssh = self._ssh, None
        if ssh is None:
            return None
        if not ssh.wait(END_SECONDS):
            ssh.terminate()
            if not ssh.wait(END_SECONDS):
                ssh.kill()
                ssh.wait(END_SECONDS)
        return ssh.finish()


class SshAdapter(requests.adapters.HTTPAdapter):
    """Every request goes to the engine behind ``address``, whatever its URL's host."""

    def __init__(self, address: SshAddress) -> None:
        super().__init__()
        # One ssh for each connection of the pool; the host is never looked up.
        connection = type("_ConnectionTo", (_Connection,), {"address": address})
        self._pool = urllib3.HTTPConnectionPool("docker", maxsize=POOL_SIZE)
        self._pool.ConnectionCls = connection

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> urllib3.HTTPConnectionPool:
        return self._pool

    def close(self) -> None:
        self._pool.close()
