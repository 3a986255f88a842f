"""The Robot face: one class per capability, each keyword a few lines over the client core."""
