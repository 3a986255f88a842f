*** Settings ***
Documentation    Run as children by other suites, one test each: faults that take their time.

Library          JumpstarterLibrary    mode=virtual
Resource         ../../resources/faults.resource

Suite Setup      Use The Lab
Test Setup       Forget Calls
Test Teardown    Nothing Should Remain
Test Timeout     45 s


*** Test Cases ***
Router Never Pairs For A While
    [Documentation]    Whoever is not met in time asks for another way.
    Inject Fault    router    never-pair    for=3
    Acquire Lease    exporter=virtual-1    timeout=20 s
    Power On
    Calls Should Be    CreateLease=1    Dial=2

DeleteLease Fails
    Acquire Lease    exporter=virtual-1    name=night-5
    Inject Fault    controller    fail    rpc=DeleteLease
    Release Lease
    Active Leases Should Be    tester virtual-1
    [Teardown]    Run Keywords    Clear Faults    AND    End All Leases    AND    Nothing Should Be Left

Too Many Pings
    [Documentation]    An exporter would take offence at them; the client sends none.
    Lease A Board
    Inject Fault    driver    delay    delay=7    method=on
    Power On
    Calls Should Be    Dial=0

Exporter Offline Mid-lease For Good
    [Documentation]    It gets ten seconds to come back.
    Lease A Board
    Inject Fault    exporter    offline    name=virtual-1
    Wait Until Keyword Succeeds    5 s    0.1 s    Tunnel Should Be Lost
    VAR    ${message} =
    ...    EQUALS:The exporter 'virtual-1' of lease '${LEASE}' is offline (Exporter shutdown). Wait until it is back, or acquire another exporter.
    Error Should Come Soon    ${message}    15    Power On
    Active Leases Should Be    tester virtual-1

Controller Silent
    [Documentation]    A black hole: it takes connections and never answers.
    Inject Fault    controller    silent
    VAR    ${message} =
    ...    EQUALS:The controller ${ENDPOINT} did not answer within 1 second when it was asked for a lease of exporter 'virtual-1'. Check that it runs, and the network.
    Error Should Come Soon    ${message}    8    Acquire Lease    exporter=virtual-1    timeout=1 s
    [Teardown]    The Fault Should Be Over


*** Keywords ***
Tunnel Should Be Lost
    ${open} =    Open Tunnels
    Should Be Equal As Integers    ${open}    0
