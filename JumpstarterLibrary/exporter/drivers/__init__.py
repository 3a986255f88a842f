"""Drivers that come with the exporter, one module per topic."""
