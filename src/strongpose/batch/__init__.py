"""Millions of photos on a cluster: an input in parts, a Parquet file of poses for each, nothing done twice.

`plan` divides the input into parts, `job` says what is done and what is done already, `reading` gives the photos
of a part, `rows` is the output's format, `worker` turns a part into its file, and `engine` lets Ray run many
workers.
"""

from strongpose.batch.job import Job, begin_job, done_parts
from strongpose.batch.plan import InputKind, Part
from strongpose.exceptions import BatchError

__all__ = ["BatchError", "InputKind", "Job", "Part", "begin_job", "done_parts"]
