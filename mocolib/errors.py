"""The one exception for input that cannot be used."""


class BadInput(ValueError):
    """One sentence that names the field, the value and the accepted range."""
