"""The engine's API over a unix socket of the profile, for other programs of the same user.

``instance.py`` is the way in: it makes this process the profile's instance, and finds the running
one. ``server.py`` serves a ControlApi, ``client.py`` is one at the other end. ``messages.py`` has
all that passes between them, ``place.py`` where the socket is and who may use it.
"""
