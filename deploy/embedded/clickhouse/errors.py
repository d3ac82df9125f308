"""ClickHouse's errors: its text, its codes, and the HTTP status that its server gives each."""

import re
from typing import Self

_PREFIX = re.compile(r"\A(?:[^\n]{0,60}?Code: (?P<code>\d+)\. DB::Exception: )+")
_SUFFIX = re.compile(
    r" \((?P<name>[A-Z][A-Z0-9_]+)\)"
    r"(?:\.? \((?:version [^()]*(?:\([^()]*\))?|[A-Z][A-Z0-9_]+)\))*\s*\Z"
)
_GATE_SCOPE = re.compile(r":? In scope SELECT formatQuery\(.*", re.DOTALL)

_STATUS_OF = {
    401: frozenset({"REQUIRED_PASSWORD"}),
    403: frozenset(
        {
            "ACCESS_DENIED",
            "AUTHENTICATION_FAILED",
            "SET_NON_GRANTED_ROLE",
            "UNKNOWN_USER",
            "WRONG_PASSWORD",
        }
    ),
    400: frozenset(
        {
            "BAD_ARGUMENTS",
            "BAD_REQUEST_PARAMETER",
            "CANNOT_COMPILE_REGEXP",
            "CANNOT_PARSE_DATE",
            "CANNOT_PARSE_DATETIME",
            "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING",
            "CANNOT_PARSE_ESCAPE_SEQUENCE",
            "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
            "CANNOT_PARSE_IPV4",
            "CANNOT_PARSE_IPV6",
            "CANNOT_PARSE_NUMBER",
            "CANNOT_PARSE_QUOTED_STRING",
            "CANNOT_PARSE_TEXT",
            "CANNOT_PARSE_UUID",
            "DUPLICATE_COLUMN",
            "ILLEGAL_COLUMN",
            "INCORRECT_DATA",
            "SYNTAX_ERROR",
            "THERE_IS_NO_COLUMN",
            "TOO_BIG_AST",
            "TOO_DEEP_AST",
            "TYPE_MISMATCH",
            "UNEXPECTED_AST_STRUCTURE",
            "UNKNOWN_ELEMENT_IN_AST",
            "UNKNOWN_TYPE_OF_AST_NODE",
            "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
        }
    ),
    404: frozenset(
        {
            "UNKNOWN_AGGREGATE_FUNCTION",
            "UNKNOWN_DATABASE",
            "UNKNOWN_DATABASE_ENGINE",
            "UNKNOWN_DIRECTION_OF_SORTING",
            "UNKNOWN_FORMAT",
            "UNKNOWN_FUNCTION",
            "UNKNOWN_IDENTIFIER",
            "UNKNOWN_ROLE",
            "UNKNOWN_SETTING",
            "UNKNOWN_STORAGE",
            "UNKNOWN_TABLE",
            "UNKNOWN_TYPE",
            "UNKNOWN_TYPE_OF_QUERY",
        }
    ),
    408: frozenset({"TIMEOUT_EXCEEDED"}),
    413: frozenset({"QUERY_IS_TOO_LARGE"}),
    501: frozenset({"NOT_IMPLEMENTED"}),
    503: frozenset({"CANNOT_OPEN_FILE", "CANNOT_SCHEDULE_TASK", "SOCKET_TIMEOUT"}),
}


class ClickHouseError(Exception):
    """A refusal as ClickHouse words it: number, symbolic name, message."""

    def __init__(self, code: int, name: str, message: str) -> None:
        """Keep the three parts; `message` has neither prefix nor version."""
        super().__init__(f"Code: {code}. DB::Exception: {message} ({name})")
        self.code = code
        self.name = name
        self.message = message

    @classmethod
    def from_engine(cls, text: str) -> Self:
        """Return the error in chDB's text, which may repeat prefix and suffix on each level.

        A text without a code (none was seen) becomes 1001, STD_EXCEPTION.
        """
        prefix = _PREFIX.match(text)
        if prefix is None:
            return cls(1001, "STD_EXCEPTION", text.strip())
        message = text[prefix.end() :]
        suffix = _SUFFIX.search(message)
        name = suffix.group("name") if suffix else "UNKNOWN"
        if suffix:
            message = message[: suffix.start()]
        return cls(int(prefix.group("code")), name, _GATE_SCOPE.sub("", message))

    @property
    def status(self) -> int:
        """The HTTP status that a ClickHouse server answers with; 500 for what has none."""
        return next((status for status, names in _STATUS_OF.items() if self.name in names), 500)

    def body(self, *, version: str) -> bytes:
        """Return the response body of a server of this version."""
        return f"{self} (version {version})\n".encode()


def access_denied(what: str) -> ClickHouseError:
    """Return the refusal of something that reaches outside the database."""
    return ClickHouseError(497, "ACCESS_DENIED", f"default: Not enough privileges: {what}")
