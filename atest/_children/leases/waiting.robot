*** Settings ***
Documentation    Run as a child by other suites: waits for a board that it does not get.

Library          JumpstarterLibrary


*** Test Cases ***
Wait
    Acquire Lease    board=beta    timeout=1.2 s    progress=0.3 s
