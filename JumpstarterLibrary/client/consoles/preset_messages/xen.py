"""Messages of the hypervisor Xen. Those of the kernels above it are of the preset ``linux``."""

from __future__ import annotations

from JumpstarterLibrary.client.consoles.preset_messages.message import FailingMessage

_XEN = r"\(XEN\) (?:\[[^\]\n]*\] )?"

XEN = (
    FailingMessage("Panic on CPU", "a panic of the hypervisor", rf"{_XEN}Panic on CPU \d+:"),
    FailingMessage("FATAL TRAP", "an exception in the hypervisor", rf"{_XEN}FATAL TRAP: "),
    FailingMessage("DOUBLE FAULT", "a fault while a fault was handled", rf"{_XEN}\*{{3}} DOUBLE FAULT \*{{3}}"),
    FailingMessage("Unexpected Trap", "an exception in the hypervisor on ARM", rf"{_XEN}CPU\d+: Unexpected Trap: "),
    FailingMessage("Xen BUG", "a check of the hypervisor's failed", rf"{_XEN}Xen BUG at "),
    FailingMessage(
        "Assertion",
        "a check of a hypervisor that was built for debugging failed",
        rf"{_XEN}Assertion '.{{1,200}}' failed at ",
    ),
    FailingMessage("CPU is stuck", "a processor that does nothing any more", rf"{_XEN}Watchdog timer detects that CPU"),
    FailingMessage(
        "Hardware Dom",
        "the first domain crashed, or its watchdog",
        rf"{_XEN}Hardware Dom\d+ (?:crashed|shutdown: watchdog)",
    ),
    FailingMessage(
        "Domain crashed", "a domain crashed", rf"{_XEN}Domain \d+ (?:\(vcpu#\d+\) crashed|reported crashed) "
    ),
)
