"""Unit tests. A package, so that fixtures of the package's scope end with it, before other tests begin."""
