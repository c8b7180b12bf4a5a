"""Published tables and cross-validations, trained and scored on stand-in benchmarks."""
