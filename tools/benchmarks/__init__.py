"""What tools/benchmark.py measures: every module but timing.py is a subject that it finds."""
