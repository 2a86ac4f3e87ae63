"""Bytes and their meaning: frames and socket filters as data. Imports nothing of ours."""
