"""What we use of pyroute2, which has no type hints of its own: messages, no sockets."""
# ruff: noqa: PYI021 - every file of the project says what it is for
