"""pytest plugin (to be filled)."""
