"""What we use of google-re2, which has no type hints of its own."""
# ruff: noqa: PYI021 - every file of the project says what it is for

# A pattern that does not compile; args[0] is the reason, as bytes.
class error(Exception): ...  # noqa: N801, N818 - the library's own name

class Options:
    log_errors: bool

class Match: ...

# The library's private class `_Regexp`; only ever made by compile().
class Regexp:
    def search(self, text: str) -> Match | None: ...

def compile(pattern: str, options: Options | None = None) -> Regexp: ...  # noqa: A001 - theirs
