"""Upstream's name in a process that has the path of the plugin and not the plugin, such as a spawned child."""

from pytest_jumpstarter.compat_modules import serve

serve(__name__)
