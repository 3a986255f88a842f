*** Settings ***
Documentation     A device that was given back, or never had, is not leased or connected again by the next keyword.

Library           JumpstarterLibrary    mode=virtual    timeout=5 s

Suite Teardown    Run Keywords    Power Off    AND    No Device Should Come    ${AFTER}


*** Variables ***
${AFTER}       device 'second' was kept for a test, which has ended
${TEARDOWN}    a teardown leases and connects none


*** Test Cases ***
A Teardown Connects None
    Pass Execution    The teardown is the test
    [Teardown]    Run Keywords    Power Off    AND    Disconnect    AND    No Device Should Come    ${TEARDOWN}

The First Keyword Connects The Default
    Power On
    Power Off
    Disconnect

Not After It Was Disconnected
    No Device Should Come    device 'device' was disconnected

Not After A Request That Failed
    Run Keyword And Expect Error    No exporter fits*    Acquire Lease    board=rpi4    timeout=3 s
    No Device Should Come    the last request for one failed with LeaseUnsatisfiable
    Run Keyword And Expect Error    *    Connect To Exporter    /nowhere    timeout=0.3 s
    No Device Should Come    the last request for one failed with LinkError

Not After Its Release
    Acquire Lease    board=virtual    alias=first
    Power On
    Release Lease
    No Device Should Come    device 'first' was released

Used In One Test
    Acquire Lease    board=virtual    alias=second    scope=test
    Power On

Not After The End Of Its Scope
    No Device Should Come    ${AFTER}
    Power Off Should Not Pass Outside A Teardown


*** Keywords ***
No Device Should Come
    [Arguments]    ${why}
    VAR    ${message} =
    ...    EQUALS:No device is connected: ${why}. Use Acquire Lease or Connect To Exporter first.
    Run Keyword And Expect Error    ${message}    Power On
    Run Keyword And Expect Error    ${message}    List Drivers
    Run Keyword And Expect Error    ${message}    Get Lease
    Run Keyword And Expect Error    ${message}    Console Should Contain    login:

Power Off Should Not Pass Outside A Teardown
    Run Keyword And Expect Error    No device is connected: *    Power Off
