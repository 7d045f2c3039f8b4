"""What can be wrong with a batch job."""

__all__ = ["BatchError"]


class BatchError(ValueError):
    """A job that cannot be done; the message names the file, the reason and the remedy."""
