*** Settings ***
Documentation    Run as a child by 10_lease_faults.robot, beside its own tests: those that take their time.

Library          JumpstarterLibrary    mode=virtual
Resource         ../../resources/faults.resource

Suite Setup      Use The Lab
Test Setup       Forget Calls
Test Teardown    Nothing Should Remain
Test Timeout     45 s


*** Test Cases ***
Controller Silent
    [Documentation]    A black hole: it takes connections and never answers.
    Inject Fault    controller    silent
    VAR    ${message} =
    ...    EQUALS:The controller ${ENDPOINT} did not answer within 1 second when it was asked for a lease of exporter 'virtual-1'. Check that it runs, and the network.
    Error Should Come Soon    ${message}    8    Acquire Lease    exporter=virtual-1    timeout=1 s
    [Teardown]    The Fault Should Be Over

Lease Unsatisfiable For The Moment
    [Documentation]    Very old controllers say so of exporters that are offline: another request may fit.
    Inject Fault    lease    unsatisfiable    reason=NoExporter    for=1 s
    Acquire Lease    exporter=virtual-1    timeout=15 s
    Active Leases Should Be    tester virtual-1
