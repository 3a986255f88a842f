*** Settings ***
Documentation    Run as a child by other suites.

Library          JumpstarterLibrary


*** Test Cases ***
Zero Readings
    Get Power Readings    samples=3    driver=relays.zero
