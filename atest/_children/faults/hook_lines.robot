*** Settings ***
Documentation    Run as a child by other suites: a hook that fails after a while, when somebody is listening.

Library          JumpstarterLibrary
Library          ../../libraries/Lab.py

Suite Setup      Start Lab    hooks=yes


*** Test Cases ***
Hook Lines
    Acquire Lease    exporter=beta-1    timeout=10 s
    [Teardown]    Nothing Should Be Left
