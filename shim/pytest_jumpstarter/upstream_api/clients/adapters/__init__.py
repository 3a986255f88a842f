"""Adapters: they make a driver's byte stream look like something else."""
