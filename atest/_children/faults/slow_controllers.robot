*** Settings ***
Documentation    Run as a child by 10_lease_faults.robot, beside its own tests: those that take their time.

Library          JumpstarterLibrary    mode=virtual
Resource         ../../resources/faults.resource

Suite Setup      Use The Lab
Test Setup       Forget Calls
Test Teardown    Nothing Should Remain
Test Timeout     45 s


*** Test Cases ***
Controller Slow
    [Documentation]    Slow is not broken.
    [Template]    Slow RPC Should Be Waited For
    CreateLease
    GetLease
    Dial
    ListExporters
    UpdateLease
    DeleteLease

Controller Too Slow
    [Template]    Too Slow RPC Should Be Told
    CreateLease    The controller ${ENDPOINT} did not answer within 1 second when it was asked for a lease of exporter 'virtual-1'. Check that it runs, and the network.
    GetLease    The controller ${ENDPOINT} did not answer within 1 second when it was asked for lease '.*'. Check that it runs, and the network.
    Dial    The exporter 'virtual-1' of lease '.*' was not ready in time; that did not change within 1 second. Look at the exporter's log, or acquire another exporter.


*** Keywords ***
Slow RPC Should Be Waited For
    [Arguments]    ${rpc}
    Inject Fault    controller    slow    rpc=${rpc}    delay=0.3    caller=tester
    Get Exporters
    Acquire Lease    exporter=virtual-1    timeout=20 s
    Extend Lease    5 min
    Power On
    Release Lease
    Clear Faults
    Nothing Should Be Left

Too Slow RPC Should Be Told
    [Arguments]    ${rpc}    ${message}
    Inject Fault    controller    slow    rpc=${rpc}    delay=30    caller=tester
    Error Should Come Soon    REGEXP:${message}    8    Acquire Lease    exporter=virtual-1    timeout=1 s
    Clear Faults
    Nothing Should Be Left
