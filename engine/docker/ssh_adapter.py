"""A transport adapter for requests that runs the Docker SDK's connections over ssh.

engines imports it in worker threads only. The SDK's own ssh support needs paramiko even when
it runs the ssh program, which it then neither limits in time nor ends.

Touches of urllib3: ``HTTPConnectionPool.ConnectionCls`` (set to our subclass), and of an
HTTPConnection ``connect()``, ``getresponse()``, ``close()``, ``sock`` and ``timeout``, which are
those of http.client. Of requests: ``HTTPAdapter.get_connection_with_tls_context()``, with which
it gets its pool.
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
"""How long ssh may take to end after its connection broke, and again after SIGTERM."""
POOL_SIZE = 64
"""Idle connections: one for each worker thread there can be."""


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
        # http.client closes a broken connection before it raises. ssh must not be
        # ended then: it is about to report why the connection broke.
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
    """Sends every request to the engine at ``address``, whatever the URL's host."""

    def __init__(self, address: SshAddress) -> None:
        super().__init__()
        # One ssh for each connection of the pool; the host name is never resolved.
        connection = type("_ConnectionTo", (_Connection,), {"address": address})
        self._pool = urllib3.HTTPConnectionPool("docker", maxsize=POOL_SIZE)
        self._pool.ConnectionCls = connection

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> urllib3.HTTPConnectionPool:
        return self._pool

    def close(self) -> None:
        self._pool.close()
