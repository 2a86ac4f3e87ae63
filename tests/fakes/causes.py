"""What is wrong with one field of an object, in the words of the API server."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One field of an invalid object: `reason` is the machine's word, `text` the sentence."""

    field: str
    reason: str
    text: str


def required(field: str, text: str = "") -> Cause:
    sentence = f"Required value: {text}" if text else "Required value"
    return Cause(field=field, reason="FieldValueRequired", text=sentence)


def bad_value(field: str, value: object, text: str) -> Cause:
    return Cause(
        field=field, reason="FieldValueInvalid", text=f"Invalid value: {shown(value)}: {text}"
    )


def forbidden_field(field: str, text: str) -> Cause:
    return Cause(field=field, reason="FieldValueForbidden", text=f"Forbidden: {text}")


def shown(value: object) -> str:
    """A value as Go prints it in these sentences."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case dict():
            return '"object"'
        case list():
            return '"array"'
        case _:
            return str(value)
