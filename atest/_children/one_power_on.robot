*** Settings ***
Documentation    Run as a child by other suites; not a suite of its own.

Library          JumpstarterLibrary    mode=%{MODE=auto}


*** Test Cases ***
One Power On
    Power On
