*** Settings ***
Documentation    Run as a child by other suites: what a dry run finds.

Library          JumpstarterLibrary


*** Test Cases ***
Bad Duration
    Console Should Contain    login:    timeout=soon

Bad Choice
    Write Image    x.img    verify=perhaps

Bad Number
    Get Power Readings    samples=many
