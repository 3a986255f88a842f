"""The client's configuration: who it is, which controller it asks, and where each value came from.

It is read when it is asked for, never at import time, and in the order of upstream's ``jmp``: arguments, environment,
``JMP_CLIENT_CONFIG``, the current client, and then the only client there is.
"""

from __future__ import annotations

from JumpstarterLibrary.client.settings.choice import ClientArguments
from JumpstarterLibrary.client.settings.find import find_settings
from JumpstarterLibrary.client.settings.model import ClientSettings, SettingLine
from JumpstarterLibrary.common.environment import config_home

__all__ = ["ClientArguments", "ClientSettings", "SettingLine", "config_home", "find_settings"]
