"""The parts of a console.

recording         one reader of the byte stream, and everything that is kept of what it reads
history           the text, whose beginning is forgotten
transcript        the files: every byte, and timed lines with what was typed
secrets           what no artefact may show
search            incremental search for several patterns
lost_exporter     a silent console through an exporter that answers nothing
messages          the messages of waits that failed
failure_patterns  patterns that end any wait
required_text     the texts that a regular expression needs
pattern_index     which of many patterns may match, in one pass
trace             when the trace of a board that dies is over
presets           such patterns for Linux, U-Boot, Zephyr and others
preset_messages   the messages of each of these systems
boot_messages     messages that tell how far a boot has come
restart_signs     signs that a system goes down, or that its board starts anew
boot_phases       the phases of a boot, for the event log
restarts          restarts of a board that nothing has ordered
kernel            messages of a kernel between the output of programs
echo              whether a typed line came back whole, through the line editors of shells
keyboard          typing, with a look at the echo
shell_probe       an echo that tells a shell from a boot loader
command_markers   what stands before and behind the output of a command
typed_commands    what messages show in place of the lines that were typed to run commands
screen            the last lines, once they stand still
prompts           which prompt the last lines show: a shell's, a login's, a boot loader's, ...
"""
