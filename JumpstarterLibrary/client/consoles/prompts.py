"""The lines that systems stand still at."""

from __future__ import annotations

import re

LOGIN = re.compile(r"login: *$", re.IGNORECASE)
PASSWORD = re.compile(r"password[^:\n]*: *$", re.IGNORECASE)
SHELL = re.compile(r"(?<![=#.$%>])(?<!^Loading: )(?:[#$>]|(?<!\d)(?<!\d )%) *$")
"""But neither a percentage nor the first ``#`` of U-Boot's bar for a file that it loads."""
BOOTLOADER = re.compile(r"(?:=>|^[\w-]*u-?boot[\w-]* ?[#>=]+) *$", re.IGNORECASE)
