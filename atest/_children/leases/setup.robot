*** Settings ***
Documentation    Run as a child by other suites.

Library          JumpstarterLibrary


*** Test Cases ***
Setup
    Log Jumpstarter Setup
    Get Exporters
