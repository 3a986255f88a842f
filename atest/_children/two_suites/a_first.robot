*** Settings ***
Documentation    Run as a child by other suites.

Library          JumpstarterLibrary


*** Test Cases ***
Connect
    Connect To Exporter    alias=first
    List Drivers    device=first
