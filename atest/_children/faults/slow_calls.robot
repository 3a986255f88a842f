*** Settings ***
Documentation    Run as a child by 15_tunnel_faults.robot, beside its own tests: those that take their time.

Library          JumpstarterLibrary    mode=virtual
Resource         ../../resources/faults.resource

Suite Setup      Use The Lab
Test Setup       Forget Calls
Test Teardown    Nothing Should Remain
Test Timeout     45 s


*** Test Cases ***
Too Many Pings
    [Documentation]    An exporter would take offence at them; the client sends none.
    Lease A Board
    Inject Fault    driver    delay    delay=7    method=on
    Power On
    Calls Should Be    Dial=0

DeleteLease Fails
    Acquire Lease    exporter=virtual-1    name=night-5
    Inject Fault    controller    fail    rpc=DeleteLease
    Release Lease
    Active Leases Should Be    tester virtual-1
    [Teardown]    Run Keywords    Clear Faults    AND    End All Leases    AND    Nothing Should Be Left
