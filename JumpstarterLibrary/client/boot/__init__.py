"""From power to a shell: stopping the boot loader, its commands, and the states in between.

keys                 names of keys
screen               the end of a console as a person sees it
board_power          a board's power, and its power state
board                console, power and prompt of a device, found in its tree
interrupt            stopping the boot at the boot loader's prompt
uboot                commands at that prompt, with output and status
variables            U-Boot's environment, and its network
starting             from the prompt to a system
model                states, the ways between them, and the shortest path
context              what a way works with: the board, and how it boots
detecting            which state a board is in
builtin_transitions  the states that every board has, and the ways between them
actions              what a way from state to state does, as files say it
files                states of one's own, from a YAML file
profiles             the profile of a board, from such a file
state_cache          the state that was seen last, and what makes that old
failures             states that could not be reached
transition           one change of state
states               a device's states: all of this for one board
"""

from __future__ import annotations
