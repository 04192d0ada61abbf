"""The Socket.IO relay that connects guests to agents. It never sees terminal bytes."""

from engine.relay.admission.limits import Limits
from engine.relay.options import Options, read_options
from engine.relay.run import run_relay
from engine.relay.server import Relay

__all__ = ["Limits", "Options", "Relay", "read_options", "run_relay"]
