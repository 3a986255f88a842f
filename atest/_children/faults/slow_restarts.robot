*** Settings ***
Documentation    Run as a child by 15_tunnel_faults.robot, beside its own tests: those that take their time.

Library          JumpstarterLibrary    mode=virtual
Resource         ../../resources/faults.resource

Suite Setup      Use The Lab
Test Setup       Lease A Board
Test Teardown    Nothing Should Remain
Test Timeout     45 s


*** Test Cases ***
Router Restart At Acquisition
    [Documentation]    One that is away for a moment is waited for.
    Disconnect    device=device
    Inject Fault    router    down    for=1
    Acquire Lease    exporter=virtual-1    timeout=15 s
    Power On

Router Restart Under A Device
    Inject Fault    router    down    for=1
    Tunnel Should Be Lost
    Power On

Router Gone For Good
    [Documentation]    It gets three seconds to come back.
    Inject Fault    router    down
    Tunnel Should Be Lost
    VAR    ${message} =
    ...    REGEXP:The router 127.0.0.1:\\d+, to which the controller leads, cannot be reached: connection refused\\. Check the network, or tell the controller's administrator\\.
    Error Should Come Soon    ${message}    8    Power On
    Active Leases Should Be    tester virtual-1
