*** Settings ***
Documentation    Run as a child by other suites: failures with the words of a hostile exporter.

Library          JumpstarterLibrary


*** Test Cases ***
Tree
    Log Device Tree
    List Drivers

Console
    Console Should Contain    READY    timeout=10 s
    Console Should Contain    NEVER    timeout=0.5 s

Call
    Power On    driver=power

Several Drivers
    Power On

No Such Driver
    Call Driver    none    on

Value
    ${value} =    Call Driver    any    value
    Should Be Equal    ${value}    other
