"""Lots that are drawn without chance: the same for the same words, alike for no two others."""

from __future__ import annotations

from hashlib import blake2b

_BITS = 52  # as many as a float tells apart below 1


def lot(words: str) -> float:
    """A number between 0 and 1, neither included, that follows from `words` on every node."""
    digest = blake2b(words.encode(), digest_size=8).digest()
    return ((int.from_bytes(digest) >> (64 - _BITS)) + 0.5) / 2.0**_BITS
