"""The parts of a console.

recording       what is heard of it: the one reader, and everything that is kept of what it reads
history         the text, with a beginning that is forgotten
transcript      the files: every byte, and timed lines with what was typed
secrets         what no artefact may show
hunt            incremental search of several patterns
evidence        what a failed wait tells
failing         patterns that end any wait
presets         such patterns for Linux, U-Boot, Zephyr and Android
kernel          messages of a kernel between what others print
keyboard        typing, with a look at the echo
screen          the last lines, once they stand still
prompts         which prompt the last lines show: a shell's, a login's, a boot loader's, ...
"""
