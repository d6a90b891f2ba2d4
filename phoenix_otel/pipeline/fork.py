"""What a child does, right after a fork, with what the threads of its parent were using."""

from __future__ import annotations

import os
from collections.abc import Iterable
from socket import socket


def sever(sockets: Iterable[socket]) -> None:
    """Let go of sockets, without a word to whoever is at their other end, and without hurting the parent's.

    The objects stay usable: their descriptors lead nowhere, so that nothing can be closed a second time.
    """
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for each in sockets:
        if each.fileno() >= 0:
            os.dup2(nowhere, each.fileno(), inheritable=False)
    os.close(nowhere)
