*** Settings ***
Documentation    Run as a child by other suites.

Library          JumpstarterLibrary


*** Test Cases ***
Tags
    Acquire Lease
    ...    board=beta
    ...    tags=${{ {'purpose': 'smoke', 'job': 'by-hand'} }}
    ...    context=${{ {'firmware': '2026.08'} }}
