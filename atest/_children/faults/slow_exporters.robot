*** Settings ***
Documentation    Run as a child by 16_exporter_faults.robot, beside its own tests: those that take their time.

Library          JumpstarterLibrary    mode=virtual
Resource         ../../resources/faults.resource

Suite Setup      Use The Lab
Test Setup       Lease A Board
Test Teardown    Nothing Should Remain
Test Timeout     45 s


*** Test Cases ***
Exporter Offline Mid-lease For Good
    [Documentation]    It gets ten seconds to come back.
    Inject Fault    exporter    offline    name=virtual-1
    Tunnel Should Be Lost
    VAR    ${message} =
    ...    EQUALS:The exporter 'virtual-1' of lease '${LEASE}' is offline (Exporter shutdown). Wait until it is back, or acquire another exporter.
    Error Should Come Soon    ${message}    15    Power On
    Active Leases Should Be    tester virtual-1
