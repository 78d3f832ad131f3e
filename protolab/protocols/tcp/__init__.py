"""TCP itself: bytes that no protocol here claims, one unit for each turn of the talk."""

from protolab.protocols import Card

CARD = Card("tcp", "TCP bytes", ("RFC 9293",), recognise=lambda client, server, midway: 1)
