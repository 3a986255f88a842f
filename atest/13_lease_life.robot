*** Settings ***
Documentation    What can be done with a lease: look at it, make it last, give it away.

Library          JumpstarterLibrary    mode=auto    timeout=13 s
Resource         resources/leases.resource

Suite Setup      Start The Lab
Test Setup       Forget Calls
Test Teardown    Everything Should Be Given Back
Test Timeout     30 s


*** Test Cases ***
Time Left
    Acquire Lease    board=beta    duration=10 min
    ${left} =    Get Lease Time Left
    Should Be True    590 < $left.total_seconds() <= 600
    Lease Should Have Time Left    9 min
    Let Time Pass    4 min
    Run Keyword And Expect Error
    ...    REGEXP:The lease of device 'device' lasts only (35\\d(\\.\\d)? seconds|6 minutes) from now on, and 9 minutes are needed\\. Extend it with `Extend Lease`, or acquire a longer one\\.
    ...    Lease Should Have Time Left    9 min

Extend A Lease
    ${lease} =    Acquire Lease    board=beta    duration=10 min
    ${left} =    Extend Lease    5 min
    Should Be True    890 < $left.total_seconds() <= 900
    Lease Should Have Time Left    14 min
    Lease Should Last    ${lease}    0:15:00
    Calls Should Be    UpdateLease=1

A Lease Cannot Be Extended By Nothing
    Acquire Lease    board=beta
    Run Keyword And Expect Error
    ...    EQUALS:A lease cannot be extended by 0:00:00. Give a positive time.
    ...    Extend Lease    0
    Calls Should Be    UpdateLease=0

A Lease Extends Itself
    [Documentation]    When half of it is over, and no longer than it may.
    ${lease} =    Acquire Lease    board=beta    duration=10 min    max_duration=16 min
    Lease Should Have Time Left    15 min
    Calls Should Be    UpdateLease=0
    Let Time Pass    6 min
    Lease Should Be Made To Last    ${lease}    0:16:00
    Let Time Pass    9 min
    ${left} =    Get Lease Time Left
    Should Be True    0 < $left.total_seconds() <= 60
    Power On
    Calls Should Be    UpdateLease=1

An Expired Lease
    [Documentation]    Each keyword tells why there is none.
    ${lease} =    Acquire Lease    board=beta    duration=16 min
    Let Time Pass    17 min
    Lease Should Be Known To Be Over
    ${end} =    Lease End Time    ${lease}
    # How long it lasted is told as it was: the clock has jumped over its end.
    VAR    ${message} =
    ...    REGEXP:Lease '${lease}' of exporter 'beta-1' has expired at ${end}, after (16 minutes|17 minutes|10\\d\\d seconds)\\. Acquire a longer one, extend it in time, or let it extend itself with max_duration=\\.
    Run Keyword And Expect Error    ${message}    Power On
    Run Keyword And Expect Error    ${message}    Extend Lease
    Run Keyword And Expect Error    ${message}    Get Lease Time Left
    Run Keyword And Expect Error    ${message}    Lease Should Have Time Left
    Calls Should Be    UpdateLease=0

A Device Without A Lease
    [Setup]    Connect To Exporter    mode=virtual
    VAR    ${message} =
    ...    EQUALS:Device 'device' was not leased by this run (mode virtual), so it has no lease to work with. Use `Acquire Lease` outside of a shell.
    Run Keyword And Expect Error    ${message}    Extend Lease
    Run Keyword And Expect Error    ${message}    Get Lease Time Left
    Run Keyword And Expect Error    ${message}    Lease Should Have Time Left
    Run Keyword And Expect Error    ${message}    Get Lease
    Run Keyword And Expect Error    ${message}    Transfer Lease    colleague

Transfer A Lease
    ${lease} =    Acquire Lease    board=beta
    Run Keyword And Expect Error
    ...    EQUALS:The controller ${ENDPOINT} refused the transfer of lease '${lease}' to client 'nobody': there is no such client. Check its name.
    ...    Transfer Lease    nobody
    Transfer Lease    colleague
    Active Leases Should Be    colleague beta-1
    Run Keyword And Expect Error
    ...    EQUALS:No device 'device' is connected. Connected devices: none.
    ...    Power On    device=device
    ${theirs} =    Get Lease    name=${lease.name}
    Should Be Equal    ${theirs.client}    colleague
    Calls Should Be    DeleteLease=0

Look At A Lease
    ${lease} =    Acquire Lease    board=beta    duration=20 min    tags=${{ {'purpose': 'smoke'} }}
    ${same} =    Get Lease
    Should Be Equal    ${same.name} ${same.device} ${same.status} ${same.selector}    ${lease.name} device ready board=beta
    Should Be Equal    ${same.tags}[purpose] ${same.labels}[board]    smoke beta
    ${held} =    Colleague Takes    alpha-1
    ${theirs} =    Get Lease    name=${held}
    Should Be Equal    ${theirs.client} ${theirs.exporter} ${theirs.device}    colleague alpha-1 ${EMPTY}
    Run Keyword And Expect Error
    ...    EQUALS:The controller ${ENDPOINT} knows nothing of lease 'no-such-lease'. Check its name; `jmp get leases` and `jmp get exporters` list what is there.
    ...    Get Lease    name=no-such-lease


*** Keywords ***
Lease Should Be Made To Last
    [Documentation]    A lease that extends itself does so within its keeper's next look.
    [Arguments]    ${lease}    ${duration}
    Wait Until Keyword Succeeds    5 s    0.1 s    Lease Should Last    ${lease}    ${duration}

Lease Should Last
    [Arguments]    ${lease}    ${duration}
    ${record} =    Get Lab Lease    ${lease}
    Should Be Equal As Strings    ${record.duration}    ${duration}
