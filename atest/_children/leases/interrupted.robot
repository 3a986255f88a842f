*** Settings ***
Documentation    Run as a child by other suites, which end it.

Library          JumpstarterLibrary


*** Test Cases ***
Holds
    Acquire Lease    board=beta
    Log To Console    waiting now
    Call Driver    faulty    hang

Awaits
    Acquire Lease    board=beta    timeout=1 min

Times Out
    [Timeout]    1 s
    Acquire Lease    board=beta    timeout=1 min
