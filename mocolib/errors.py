"""What is said to the reader rather than raised at the programmer."""


class BadInput(ValueError):
    """One sentence that names the field, the value and what would be accepted."""


class LeftOut(UserWarning):
    """Recorded runs that are passed over, among others that count."""


class PeerLost(RuntimeError):
    """Another process of the same run is gone."""

    def __str__(self):
        return (
            "another process of this run has ended; the same command continues the run "
            "from its last checkpoint."
        )
