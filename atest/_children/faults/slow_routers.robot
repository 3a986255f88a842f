*** Settings ***
Documentation    Run as a child by 15_tunnel_faults.robot, beside its own tests: those that take their time.

Library          JumpstarterLibrary    mode=virtual
Resource         ../../resources/faults.resource

Suite Setup      Use The Lab
Test Setup       Forget Calls
Test Teardown    Nothing Should Remain
Test Timeout     45 s


*** Test Cases ***
Router Never Pairs
    Inject Fault    router    never-pair
    VAR    ${message} =
    ...    REGEXP:Exporter 'virtual-1' of lease '.*' did not answer within 1 second: it has not come to the router\\. Look at its log, or give it more time with timeout=\\.
    Error Should Come Soon    ${message}    6    Acquire Lease    exporter=virtual-1    timeout=1 s

Router Never Pairs For A While
    [Documentation]    A client that is not met in time asks for another way.
    Inject Fault    router    never-pair    for=3
    Acquire Lease    exporter=virtual-1    timeout=20 s
    Power On
    Calls Should Be    CreateLease=1    Dial=2
