*** Settings ***
Documentation    Run as a child by 10_lease_faults.robot, beside its own tests: those that take their time.

Library          JumpstarterLibrary    mode=virtual
Resource         ../../resources/faults.resource

Suite Setup      Use The Lab
Test Setup       Forget Calls
Test Teardown    Nothing Should Remain
Test Timeout     45 s


*** Test Cases ***
Stuck Available Until The Controller Gives Up
    Inject Fault    exporter    stuck-available    name=virtual-1    for=80 s
    Let The Lab Run Faster    40
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Power On
    Let The Lab Run Faster    1

Stuck Available With A Lease That Ends
    [Documentation]    No keyword waits for the exporter of a dead lease.
    Inject Fault    exporter    stuck-available    name=virtual-1
    Do Later    0.5    End All Leases
    Error Should Come Soon
    ...    REGEXP:Lease '.*' of exporter 'virtual-1' was released, but not by this run: by its owner elsewhere, by its exporter or by an administrator\\. Acquire it again\\.
    ...    5
    ...    Acquire Lease
    ...    exporter=virtual-1
    ...    timeout=30 s
