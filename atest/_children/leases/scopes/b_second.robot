*** Settings ***
Documentation    Run as a child by other suites.

Library          JumpstarterLibrary


*** Test Cases ***
One
    Acquire Lease    board=beta    scope=${SCOPE}    timeout=3 s
    Power On

Two
    Acquire Lease    board=beta    scope=${SCOPE}    timeout=3 s
    Power On
