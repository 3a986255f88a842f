*** Settings ***
Documentation    Run as a child by 15_tunnel_faults.robot, beside its own tests: those that take their time.

Library          JumpstarterLibrary    mode=virtual
Resource         ../../resources/faults.resource

Suite Setup      Use The Lab
Test Setup       Lease A Board
Test Teardown    Nothing Should Remain
Test Timeout     45 s


*** Test Cases ***
Router Goes Silent
    [Documentation]    There is no sign that anything is wrong; the caller's time limit ends it.
    Inject Fault    router    drop    how=silent
    VAR    ${message} =
    ...    EQUALS:'on' of driver 'power' did not finish within 1 second and was cancelled. The exporter may still be working on it. Give it more time with timeout=.
    Error Should Come Soon    ${message}    4    Call Driver    power    on    timeout=1 s

Controller Gone For Longer
    Inject Fault    controller    down    for=1.5
    Power On
    Sleep    1 s    So that the lease is looked at in vain.
    Power Off
    Wait Until Keyword Succeeds    10 s    0.5 s    Get Lease
    Power On
    Release Lease
    Calls Should Be    DeleteLease=1

Router Refuses A Token Once
    Inject Fault    router    refuse    times=1
    Drop The Tunnel
    Power On
    Calls Should Be    Dial=2
