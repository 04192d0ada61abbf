"""The guest's signaling for one connection to a host: relay, target, offer and proofs.

It reaches the agent only as any guest would; in the agent's own process without a relay.
"""

from __future__ import annotations

import contextlib
import secrets
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.client.invitation import Invitation
from engine.core.errors import AgentOfflineError, HatchwayError
from engine.core.model import Size
from engine.core.settings import IceSettings
from engine.signaling.guest import GuestSignaling, RelayAddress
from engine.signaling.guest_end import GuestEnd, MakeEnd
from engine.transport.ice_servers import require_turn
from engine.wire import proof, signaling

DISCONNECT_SECONDS = 5.0


class Handshake:
    """``reach()``, ``ice_settings()``, ``offer()``, in this order; ``close()`` at the end."""

    def __init__(
        self,
        relay: RelayAddress,
        device_id: str,
        session_id: str,
        *,
        own_secret: bytes | None = None,
        link: proof.Link | None = None,
        ice: IceSettings | None = None,
        ssl_context: ssl.SSLContext | None = None,
        again: bool = False,
        make_end: MakeEnd | None = None,
    ) -> None:
        """``again``: the offer comes back even if another connection has taken its place.
        ``make_end``: how the agent is reached, if not through ``relay``.
        """
        self.session_id = session_id
        self.relay = relay
        self.device_id = device_id
        self.own_secret = own_secret
        self.link = link
        self.ice = ice or IceSettings()
        self.ssl_context = ssl_context
        self.make_end = make_end
        self.code = ""
        """The short code that both ends show: with a link once ``offer()`` has returned, else once
        the host has been told the nonce (``reveal()``)."""
        self._committed = "", ""
        self._again = again
        self._invitation = Invitation.of(link, own_secret)
        self._signaling: GuestEnd = (
            GuestSignaling(relay, ssl_context) if make_end is None else make_end()
        )
        self._offered = False

    async def reach(self, *, returning: bool = False) -> None:
        """Connect to the relay, and look up what a link opens.

        ``returning`` with a resume token: only the agent that issued it may get it, if we know
        which one that is. Whoever gets it needs the link's secret, too. Raises
        RelayUnreachableError, RelayRefusedError, LinkUnknownError, AgentOfflineError,
        HostStoppedError.
        """
        await self._signaling.connect()
        if self.link is None:
            return
        agent_id, self.device_id = await self._signaling.link_target()
        issuer = self.relay.agent_id
        if returning and issuer and agent_id != issuer:
            # Another agent must get neither the token nor the session.
            raise AgentOfflineError("The host of this terminal is not connected to the relay")
        self.relay = replace(self.relay, agent_id=agent_id)

    async def ice_settings(self) -> IceSettings:
        """For a new connection. Raises NoTurnError, ConnectTimeoutError, RemoteError."""
        # Our own agent is on this computer: no server is needed, and it knows the relay's rule.
        if self.link is None and self.own_secret is not None:
            return require_turn(self.ice)
        return await self._signaling.ice_settings(
            self.ice, self.link.secret if self.link is not None else None
        )

    async def offer(self, sdp: str, size: Size, token: str = "") -> str:
        """The host's answer, as SDP, to an offer of ``sdp``; ``token`` resumes the session.

        Raises RemoteError when the agent or relay refuses. Raises BadProofError, after
        reporting it to the host, before any part of the answer is used.
        """
        offer: dict[str, Any] = {
            "session_id": self.session_id,
            "device_id": self.device_id,
            "sdp": sdp,
            "sdp_type": "offer",
            "correlation_id": secrets.token_hex(8),
            "cols": size.cols,
            "rows": size.rows,
        }
        if token:
            offer["resume"] = token
            if self._again:
                offer["again"] = True
        if self.relay.agent_id:
            offer["agent_id"] = self.relay.agent_id
        proofs, nonce = self._invitation.prove(self.session_id, sdp)
        offer |= proofs
        self._offered = True
        answer = await self._signaling.call(signaling.OFFER, offer)
        signaling.parse(signaling.Answer, answer)
        try:
            code = self._invitation.check(offer, answer, nonce)
        except HatchwayError as error:
            with contextlib.suppress(HatchwayError):
                await self._disconnect({"reason": f"The guest refused: {error}"})
            raise
        if nonce:
            self._committed = nonce, code
        else:
            self.code = code
        return str(answer["sdp"])

    def reveal(self, tell: Callable[[str], bool]) -> None:
        """Connected: ``tell`` the host the nonce that the offer committed to. If it takes it, both
        ends know the short code."""
        (nonce, code), self._committed = self._committed, ("", "")
        if code and tell(nonce):
            self.code = code

    async def cancel_offer(self) -> None:
        """Cancel the offer. Raises HatchwayError when the host cannot be reached."""
        if self._offered and self._signaling.is_connected:
            await self._disconnect({})

    async def close(self) -> None:
        await self._signaling.close()

    async def _disconnect(self, fields: dict[str, Any]) -> None:
        payload = {"session_id": self.session_id, **fields}
        await self._signaling.call(signaling.DISCONNECT, payload, DISCONNECT_SECONDS)
