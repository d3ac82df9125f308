"""What an operator is told in one line, without a traceback."""


class OperatorError(Exception):
    """Something that an operator can mend; the text is one line that says what, and how."""
