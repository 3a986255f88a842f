*** Settings ***
Documentation    Exporters that stay up: what fails is a lease, with a sentence that tells why.

Library          JumpstarterLibrary    mode=lease    timeout=17 s
Library          libraries/troubled_boards.py
Resource         resources/leases.resource

Suite Setup      Start Lab Of    troubled_boards
Test Setup       Forget Calls
Test Teardown    Everything Should Be Given Back
Test Timeout     30 s


*** Test Cases ***
Driver That Cannot Start
    [Documentation]    Only the lease that meets the failure is lost. The next one waits until the driver starts again.
    Unplug Port
    Run Keyword And Expect Error
    ...    REGEXP:Exporter 'port-1' could not start lease '${UUID}': There is no serial port /dev/ttyUSB7\\. Plug it in\\. It takes no lease until its drivers start\\.
    ...    Acquire Lease    board=port
    Active Leases Should Be
    ${exporters} =    Get Exporters    board=port
    Should Be Equal    ${exporters[0].status}    OFFLINE
    Plug Port In
    Acquire Lease    board=port
    Power On
    Release Lease

Hook That Ends The Exporter
    [Documentation]    The lease does not keep an exporter that has gone.
    Run Keyword And Expect Error
    ...    REGEXP:Exporter 'fatal-1' of lease '${UUID}' cannot be used, because its hook before the lease failed: .*The beforeLease hook failed with exit status 3 \\(onFailure: exit\\)\\.(.|\\n)*
    ...    Acquire Lease    board=fatal
    Active Leases Should Be

Deprecated Label And Message Of The Day
    [Documentation]    The administrator's words are a warning, and the message of the exporter is in the log.
    Acquire Lease    old-pool=x
    Release Lease

Hidden Labels
    [Documentation]    Selectors know them; lists do not show them.
    ${exporters} =    Get Exporters    rack=7
    Should Be Equal    ${exporters[0].labels}    ${{ {'board': 'old'} }}
    Acquire Lease    rack=7
    Release Lease
