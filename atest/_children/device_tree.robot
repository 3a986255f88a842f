*** Settings ***
Documentation    Run as a child by other suites.

Library          JumpstarterLibrary


*** Test Cases ***
Device Tree
    Log Device Tree
