"""Collect a test's evidence for its report: what the board and the exporter said, and facts about both."""
