*** Settings ***
Documentation    Run as a child by other suites.

Library          JumpstarterLibrary


*** Test Cases ***
Take
    Acquire Lease    board=beta    scope=test
    Run Keyword And Expect Error    *held by client 'tester'*    Exporter Should Be Available    board=beta

It Is Free Again
    Wait For Exporter Status    AVAILABLE    exporter=beta-1    timeout=3 s
    Exporter Should Be Available    board=beta
    Run Keyword And Expect Error
    ...    EQUALS:No device 'device' is connected. Connected devices: none.
    ...    Power On    device=device
