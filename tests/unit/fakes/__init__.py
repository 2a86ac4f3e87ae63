"""Unit tests of tests/fakes: a stand-in that lies would make every other test lie."""
