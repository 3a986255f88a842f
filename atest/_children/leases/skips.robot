*** Settings ***
Documentation    Run as a child by other suites.

Library          JumpstarterLibrary


*** Test Cases ***
Free
    Skip If No Exporter    board=alpha

Held
    Skip If No Exporter    board=beta

Unknown
    Skip If No Exporter    board=gamma

Wrong
    Skip If No Exporter    board==beta
