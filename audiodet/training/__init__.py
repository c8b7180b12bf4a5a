"""Your own detector: from a folder of labelled recordings to a folder that detects."""
