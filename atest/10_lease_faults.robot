*** Settings ***
Documentation    What can go wrong with a lease before there is a device: each fault with what is said and done about it.

Library          JumpstarterLibrary    mode=virtual    timeout=11 s
Resource         resources/faults.resource

Suite Setup      Use The Lab    slow_answers.robot    slow_controllers.robot    slow_leases.robot
Test Setup       Forget Calls
Test Teardown    Nothing Should Remain
Test Timeout     40 s


*** Test Cases ***
Exporter Offline At Request
    [Documentation]    It is waited for.
    Inject Fault    exporter    offline    name=virtual-1    for=1 s
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Active Leases Should Be    tester virtual-1
    Power On
    Calls Should Be    CreateLease=1

Exporter Offline At Request For Too Long
    Inject Fault    exporter    offline    name=virtual-1
    Run Keyword And Expect Error
    ...    EQUALS:Exporter 'virtual-1' did not become free within 500 milliseconds: it is offline. The request was taken back. Wait longer with timeout=, or ask for another exporter.
    ...    Acquire Lease    exporter=virtual-1    timeout=0.5 s
    Calls Should Be    CreateLease=1    DeleteLease=1

Not Listening Yet
    [Documentation]    The usual race after a lease was granted: retried quickly.
    Inject Fault    exporter    not-listening    times=3
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Calls Should Be    Dial=4

Never Listening
    Inject Fault    exporter    not-listening
    Run Keyword And Expect Error
    ...    REGEXP:The exporter 'virtual-1' of lease '.*' does not listen for clients; that did not change within 500 milliseconds\\. Look at the exporter's log, or acquire another exporter\\.
    ...    Acquire Lease    exporter=virtual-1    timeout=0.5 s

Stuck Available
    [Documentation]    The controller itself waits for half a minute; the caller's time limit ends it.
    Inject Fault    exporter    stuck-available    name=virtual-1
    Run Keyword And Expect Error
    ...    REGEXP:The exporter 'virtual-1' of lease '.*' was not ready in time; that did not change within 500 milliseconds\\. Look at the exporter's log, or acquire another exporter\\.
    ...    Acquire Lease    exporter=virtual-1    timeout=0.5 s

Listener Buffer Full
    [Documentation]    The exporter gets a moment to take what waits.
    Inject Fault    exporter    buffer-full    times=1
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Calls Should Be    Dial=2

Listener Buffer Full For Too Long
    Inject Fault    exporter    buffer-full
    Run Keyword And Expect Error
    ...    REGEXP:The exporter 'virtual-1' of lease '.*' takes no more connections; that did not change within 500 milliseconds\\. Look at the exporter's log, or acquire another exporter\\.
    ...    Acquire Lease    exporter=virtual-1    timeout=0.5 s

Lease Never Satisfiable
    [Template]    Request Should Be Refused
    NoAccess    No exporter fits selector 'board=virtual': the access policies do not let client 'tester' have it for 30 minutes (No exporter fits the request, as a fault wants it). Ask for less time, or ask the administrator.
    AllDisabled    No exporter fits selector 'board=virtual': those that match are disabled by their administrator. Choose another selector, or give allow_disabled\=yes.
    SpotAccess    No exporter fits selector 'board=virtual': the best one can only be had on spot access, which the controller does not grant yet. Choose another one.

Lease Of A Name Never Satisfiable
    [Template]    Request By Name Should Be Refused
    ExporterNotFound    Exporter 'virtual-1' cannot be leased: the controller knows none of that name. `jmp get exporters` lists what there is.
    SelectorMismatch    Exporter 'virtual-1' cannot be leased: it does not have the labels of selector 'board\=virtual'. Leave one of the two out.
    ExporterDisabled    Exporter 'virtual-1' cannot be leased: its administrator has disabled it. Choose another one, or give allow_disabled\=yes.

Invalid Request
    Inject Fault    lease    invalid
    Run Keyword And Expect Error
    ...    EQUALS:The controller refused a lease of exporter 'virtual-1': The selector is invalid, as a fault wants it. Correct the request.
    ...    Acquire Lease    exporter=virtual-1    timeout=10 s

Lost Reply To CreateLease
    [Documentation]    The lease is found by the name that the client chose; there is no second one.
    Inject Fault    controller    lose-reply    rpc=CreateLease
    ${lease} =    Acquire Lease    exporter=virtual-1    timeout=10 s
    ${leases} =    All Leases
    Should Be Equal    ${{ {one.name for one in $leases} }}    ${{ {$lease.name} }}
    Calls Should Be    CreateLease=2
    Release Lease
    Calls Should Be    DeleteLease=1

Duplicate Lease Name
    [Documentation]    That of another client.
    Inject Fault    lease    duplicate
    Run Keyword And Expect Error
    ...    EQUALS:A lease 'night-1' exists already: client 'somebody' asked for exporter 'somebody'. Names are never free again; choose another one, or none.
    ...    Acquire Lease    exporter=virtual-1    timeout=10 s    name=night-1
    Calls Should Be    DeleteLease=0

Duplicate Lease Name Of Our Own
    [Documentation]    What fits is used, and left to the owner that has made it.
    Colleague Takes    virtual-1    tester    name=night-2
    Acquire Lease    exporter=virtual-1    timeout=10 s    name=night-2
    Power On
    Release Lease
    Active Leases Should Be    tester virtual-1
    Calls Should Be    DeleteLease=0
    [Teardown]    Run Keywords    End All Leases    AND    Nothing Should Remain

Duplicate Lease Name That Does Not Fit
    Colleague Takes    virtual-2    tester    name=night-3
    Run Keyword And Expect Error
    ...    EQUALS:A lease 'night-3' exists already: client 'tester' asked for exporter 'virtual-2'. Names are never free again; choose another one, or none.
    ...    Acquire Lease    exporter=virtual-1    timeout=10 s    name=night-3
    Active Leases Should Be    tester virtual-2
    [Teardown]    Run Keywords    End All Leases    AND    Nothing Should Remain

Duplicate Lease Name That Was Used Up
    Acquire Lease    exporter=virtual-1    timeout=10 s    name=night-4
    Release Lease
    Run Keyword And Expect Error
    ...    EQUALS:A lease 'night-4' existed already, and is over. Names are never free again; choose another one, or none.
    ...    Acquire Lease    exporter=virtual-1    timeout=10 s    name=night-4

List Token Expired In The Middle
    [Documentation]    The listing begins anew.
    Add Exporters    120
    Inject Fault    controller    slow    rpc=ListExporters    delay=0.25
    Inject Fault    list-token    expire    after=0.38
    ${boards} =    Get Exporters
    Length Should Be    ${boards}    124
    Calls Should Be    ListExporters=4

# The controller

Controller Restarts While A Board Is Awaited
    [Documentation]    The request is still there afterwards.
    Inject Fault    lease    busy    for=1 s
    Inject Fault    controller    restart    after=0.2    down=0.2
    Acquire Lease    exporter=virtual-1    timeout=15 s
    Calls Should Be    CreateLease=1

Controller That Has Just Started
    [Documentation]    For some ten seconds a real controller accepts no client after each start: that is waited out.
    Inject Fault    controller    starting    for=1 s
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Inject Fault    controller    starting    for=1 s
    ${exporters} =    Get Exporters
    Should Not Be Empty    ${exporters}
    Inject Fault    controller    starting    for=1 s
    Release Lease

Controller That Stays At Its Start
    Inject Fault    controller    starting
    Run Keyword And Expect Error
    ...    EQUALS:The controller ${ENDPOINT} has just started, and accepts no client yet (oidc: authenticator not initialized). Try again in some seconds.
    ...    Acquire Lease    exporter=virtual-1    timeout=1 s

Controller Down
    Inject Fault    controller    down
    Error Should Come Soon
    ...    EQUALS:The controller ${ENDPOINT} cannot be reached: connection refused. Check the endpoint of the client configuration (the virtual lab) and the network.
    ...    3
    ...    Acquire Lease
    ...    exporter=virtual-1
    ...    timeout=1 s

Controller Without An Address
    Inject Fault    controller    unknown-host
    ${file} =    Write Client File
    ${library} =    Import Library With    mode=lease    config=${file}
    VAR    ${message} =
    ...    EQUALS:The controller no-such-host.invalid:8082 cannot be reached: the host name could not be resolved. Check the endpoint of the client configuration ('${file}', which config= names) and the network.
    Error Should Come Soon    ${message}    4    ${library}.Acquire Lease    exporter=virtual-1    timeout=1 s

# Who we are

Tokens That Are Refused
    [Documentation]    At once: no waiting can mend it.
    [Template]    Token Should Be Refused
    expire    The token of client default/tester (the virtual lab) has expired. Log in again: `jmp login`.
    invalid    The controller ${ENDPOINT} did not accept client default/tester (the virtual lab): its token is not valid (oidc: verify token: failed to verify signature). Check namespace, name and token of the client configuration, or log in again: `jmp login`.
    wrong-kind    The controller ${ENDPOINT} did not accept client default/tester (the virtual lab): it is not configured as a client (object kind mismatch). Check namespace, name and token of the client configuration, or log in again: `jmp login`.
    wrong-namespace    The controller ${ENDPOINT} did not accept client default/tester (the virtual lab): it asked for another namespace than its own (namespace mismatch). Check namespace, name and token of the client configuration, or log in again: `jmp login`.

Certificates That Are Refused
    [Template]    Certificate Should Be Refused
    unknown-ca    The secure connection to controller ${ENDPOINT} could not be made: its certificate is not trusted here: another authority signed it, or it has expired. Check tls.ca and tls.insecure of the client configuration ('\${file}', which config\= names), and the name in its endpoint.
    wrong-name    The secure connection to controller ${ENDPOINT} could not be made: its certificate is not for this host name. Check tls.ca and tls.insecure of the client configuration ('\${file}', which config\= names), and the name in its endpoint.
    expired    The secure connection to controller ${ENDPOINT} could not be made: its certificate has expired. Check tls.ca and tls.insecure of the client configuration ('\${file}', which config\= names), and the name in its endpoint.
    plaintext    The secure connection to controller ${ENDPOINT} could not be made: it does not speak TLS. Check tls.ca and tls.insecure of the client configuration ('\${file}', which config\= names), and the name in its endpoint.

# The faults themselves

Faults That Cannot Be
    [Template]    Fault Should Be Refused
    Nothing called 'toaster' can have a fault. There is: console, controller, driver, exporter, flash, lease, list-token, router, status, tls, token.
    ...    toaster    burn
    There is no fault 'burn' of lease. There is: busy, duplicate, expire, invalid, release, slow, swap, transfer, unsatisfiable.
    ...    lease    burn
    The fault 'router drop' takes no option 'speed'. It takes: after, how.
    ...    router    drop    speed=1
    The option 'delay' of the fault 'router slow' must be a length of time from 0 seconds to 365 days, such as 90 (seconds), '500 ms', '1h30m' or 'PT1H30M', not 'soon'.
    ...    router    slow    delay=soon
    There is no exporter 'virtual-9'. There is: virtual-1, virtual-2, virtual-3, virtual-4.
    ...    exporter    crash    name=virtual-9
    There is no lease that has begun and not ended. Acquire one first.
    ...    lease    expire

Cleared Faults Are Over
    Inject Fault    lease    unsatisfiable
    Inject Fault    exporter    disabled    name=virtual-1
    Clear Faults
    Clear Faults
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Active Leases Should Be    tester virtual-1

# What takes long has been running meanwhile

Stuck Available Until The Controller Gives Up
    [Setup]    No Operation
    Slow Test Should Pass

Stuck Available With A Lease That Ends
    [Documentation]    No keyword waits for the exporter of a dead lease.
    [Setup]    No Operation
    Slow Test Should Pass

Lease Unsatisfiable For The Moment
    [Documentation]    Very old controllers say so of exporters that are offline: another request may fit.
    [Setup]    No Operation
    Slow Test Should Pass

Controller Slow
    [Documentation]    Slow is not broken.
    [Setup]    No Operation
    Slow Test Should Pass

Controller Too Slow
    [Setup]    No Operation
    Slow Test Should Pass

Controller Silent
    [Documentation]    A black hole: it takes connections and never answers.
    Slow Test Should Pass


*** Keywords ***
Request Should Be Refused
    [Arguments]    ${reason}    ${message}
    Inject Fault    lease    unsatisfiable    reason=${reason}
    Error Should Come Soon    EQUALS:${message}    3    Acquire Lease    board\=virtual    timeout=20 s
    Clear Faults
    Nothing Should Be Left

Request By Name Should Be Refused
    [Arguments]    ${reason}    ${message}
    Inject Fault    lease    unsatisfiable    reason=${reason}
    Error Should Come Soon    EQUALS:${message}    3    Acquire Lease    board\=virtual    virtual-1    timeout=20 s
    Clear Faults
    Nothing Should Be Left

Token Should Be Refused
    [Arguments]    ${fault}    ${message}
    Inject Fault    token    ${fault}
    Error Should Come Soon    EQUALS:${message}    2    Acquire Lease    exporter=virtual-1    timeout=20 s
    Clear Faults
    Nothing Should Be Left

Certificate Should Be Refused
    [Documentation]    By a client that has no connection yet.
    [Arguments]    ${fault}    ${message}
    ${file} =    Write Client File
    ${library} =    Import Library With    mode=lease    config=${file}
    Inject Fault    tls    ${fault}
    ${message} =    Replace Variables    ${message}
    Error Should Come Soon    EQUALS:${message}    3    ${library}.Acquire Lease    exporter=virtual-1    timeout=20 s
    Clear Faults
    Nothing Should Be Left

Fault Should Be Refused
    [Arguments]    ${message}    ${target}    ${fault}    &{options}
    Run Keyword And Expect Error    EQUALS:${message}    Inject Fault    ${target}    ${fault}    &{options}
