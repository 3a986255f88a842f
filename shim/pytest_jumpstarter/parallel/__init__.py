"""Tests on several boards at once, by pytest-xdist: a class stays on one worker, and so on one board."""
