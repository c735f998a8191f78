"""The rows of the benchmark, a module for each subject."""

from importlib import import_module

from registry import ROWS

__all__ = ["ROWS"]

# Rows are measured and shown in this order.
for _subject in ("whole", "forms", "strided", "small", "batches", "writes", "cold", "mounts"):
    import_module(f"rows.{_subject}")
