"""The benchmark: time, memory and accuracy of models on runtimes, each measured in a fresh process."""

from strongpose.benchmarking.machine import Machine, this_machine
from strongpose.benchmarking.measuring import Job, Measurement, measure
from strongpose.benchmarking.process import measure_afresh
from strongpose.benchmarking.rows import COLUMNS, Row, append_csv, check_csv, read_csv, rows_of
from strongpose.benchmarking.tables import machine_note, main_table, people_table
from strongpose.exceptions import BenchmarkError

__all__ = [
    "COLUMNS",
    "BenchmarkError",
    "Job",
    "Machine",
    "Measurement",
    "Row",
    "append_csv",
    "check_csv",
    "machine_note",
    "main_table",
    "measure",
    "measure_afresh",
    "people_table",
    "read_csv",
    "rows_of",
    "this_machine",
]
