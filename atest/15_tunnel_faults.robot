*** Settings ***
Documentation    What can go wrong while a device is in use, on the way to it: each fault with what is said and done.

Library          JumpstarterLibrary    mode=virtual    timeout=15 s
Library          libraries/Images.py
Resource         resources/faults.resource

Suite Setup      Use The Lab    slow_routers.robot    slow_tunnels.robot    slow_calls.robot    slow_frames.robot    slow_restarts.robot
Test Setup       Lease A Board
Test Teardown    Nothing Should Remain
Test Timeout     40 s


*** Variables ***
${AGAIN}    It is not known whether the exporter carried it out. The lease lasts on, and the next call connects again.


*** Test Cases ***
# The lease ends

Lease Expiry During A Call
    Inject Fault    driver    delay    delay=20    method=on
    Do Later    0.2    Expire Lease    ${LEASE}
    VAR    ${message} =
    ...    REGEXP:Lease '${LEASE}' of exporter 'virtual-1' has expired at [\\d:]+, after 30 minutes\\. This ended 'on' of driver 'power'\\. Acquire a longer one, extend it in time, or let it extend itself with max_duration=\\.
    Error Should Come Soon    ${message}    5    Power On
    Lease Should Have Ended    ${LEASE}

Release By Another Client During A Call
    Inject Fault    driver    delay    delay=20    method=on
    Do Later    0.2    End Lease    ${LEASE}
    Error Should Come Soon
    ...    EQUALS:Lease '${LEASE}' of exporter 'virtual-1' was released, but not by this run: by its owner elsewhere, by its exporter or by an administrator. Acquire it again. This ended 'on' of driver 'power'.
    ...    5
    ...    Power On

Release By Another Client Between Calls
    End Lease    ${LEASE}
    Lease Should Be Known To Be Over
    Run Keyword And Expect Error
    ...    EQUALS:Lease '${LEASE}' of exporter 'virtual-1' was released, but not by this run: by its owner elsewhere, by its exporter or by an administrator. Acquire it again.
    ...    Power On
    Calls Should Be    Dial=0    DeleteLease=0

Transfer To Another Client
    [Documentation]    The tunnel would go on; but the board is not ours any more. Nor is the lease ours to release.
    Inject Fault    lease    transfer
    Lease Should Be Known To Be Over
    Run Keyword And Expect Error
    ...    EQUALS:Lease '${LEASE}' of exporter 'virtual-1' was transferred to client 'somebody'. Ask its new owner, or acquire another lease.
    ...    Power On
    Disconnect    device=device
    Active Leases Should Be    somebody virtual-1
    Calls Should Be    Dial=0

Transfer Before A New Tunnel
    Inject Fault    lease    transfer
    Drop The Tunnel
    Run Keyword And Expect Error
    ...    EQUALS:Lease '${LEASE}' of exporter 'virtual-1' was transferred to client 'somebody'. Ask its new owner, or acquire another lease.
    ...    Power On
    Disconnect    device=device
    Active Leases Should Be    somebody virtual-1

# The router

Router Drops A Tunnel Between Calls
    Drop The Tunnel
    Power On
    Power Off
    Calls Should Be    Dial=1

Router Drops A Tunnel During A Call
    [Documentation]    The call fails and is not repeated; the next one works.
    Inject Fault    driver    delay    delay=0.6    method=on    times=1
    Inject Fault    router    drop    after=0.2
    Error Should Come Soon
    ...    EQUALS:The tunnel to exporter 'virtual-1' (lease '${LEASE}') broke during 'on' of driver 'power': the router ended it (The router dropped the tunnel). ${AGAIN}
    ...    5
    ...    Power On
    Get Power Readings    samples=1    timeout=5 s
    Sleep    0.6 s    If the call were repeated, the board would be on by now.
    ${state} =    Board State    virtual-1
    Should Be Equal    ${state}    OFF
    Calls Should Be    Dial=1

Router Drops A Tunnel During An Upload
    ${image} =    Create Random Image    30000000
    Inject Fault    router    slow    delay=0    rate=10 MiB
    Inject Fault    router    drop    after=0.7
    Error Should Come Soon
    ...    EQUALS:The tunnel to exporter 'virtual-1' (lease '${LEASE}') broke during 'write' of driver 'storage': the router ended it (The router dropped the tunnel). ${AGAIN}
    ...    6
    ...    Write Image
    ...    ${image}
    Clear Faults
    Write Image    ${image}

Router Drops A Tunnel Under A Console
    [Documentation]    The wait fails. Then it goes on where the board is; what came before is still there.
    Power On
    Console Should Contain    U-Boot    timeout=5 s
    Inject Fault    router    drop    after=0.2
    Error Should Come Soon
    ...    EQUALS:The stream of console 'console' broke while waiting for 'never said': The tunnel to exporter 'virtual-1' (lease '${LEASE}') broke during 'connect' of driver 'console': the router ended it (The router dropped the tunnel). ${AGAIN}
    ...    5
    ...    Console Should Contain
    ...    never said
    Write To Console    ${EMPTY}    # What the board says in the gap is lost; it is asked for its prompt.
    Console Should Contain    =>    timeout=5 s
    Console Should Contain    U-Boot    since=power_on    timeout=1 s
    Calls Should Be    Dial=1

Router Refuses Every Token
    [Template]    Router Should Refuse
    invalid jwt token
    token has invalid claims: token is expired
    signature is invalid
    token used before issued

Certificate Of A Router
    [Setup]    Forget Calls
    [Template]    Router Certificate Should Be Refused
    unknown-ca    its certificate is not trusted here: another authority signed it, or it has expired
    wrong-name    its certificate is not for this host name
    expired    its certificate (has expired|is not trusted here: another authority signed it, or it has expired)
    plaintext    it does not speak TLS

# The controller

Expired Token While A Device Is In Use
    [Documentation]    The tunnel goes on; what needs the controller tells why it fails.
    Inject Fault    token    expire
    Power On
    Run Keyword And Expect Error
    ...    EQUALS:The token of client default/tester (the virtual lab) has expired. Log in again: `jmp login`.
    ...    Get Lease
    [Teardown]    The Fault Should Be Over

DeleteLease Fails At First
    Inject Fault    controller    fail    rpc=DeleteLease    times=2
    Release Lease
    Lease Should Have Ended    ${LEASE}
    Calls Should Be    DeleteLease=3

# What takes long has been running meanwhile

Router Never Pairs
    [Setup]    No Operation
    Slow Test Should Pass

Router Goes Silent
    [Documentation]    There is no sign that anything is wrong; the caller's time limit ends it.
    [Setup]    No Operation
    Slow Test Should Pass

Controller Gone For Longer
    [Setup]    No Operation
    Slow Test Should Pass

Router Refuses A Token Once
    [Setup]    No Operation
    Slow Test Should Pass

Router Never Pairs For A While
    [Documentation]    A client that is not met in time asks for another way.
    [Setup]    No Operation
    Slow Test Should Pass

DeleteLease Fails
    [Documentation]    The lease is named, with the command that frees it.
    [Setup]    No Operation
    ${result} =    Slow Test Should Pass
    Should Match Regexp
    ...    ${result.warnings}[0]
    ...    ^Lease 'night-5' could not be released: The controller 127.0.0.1:\\d+ failed when it was asked for the release of lease 'night-5': the lab refuses on request\\. It lasts on, and exporter 'virtual-1' is not free before it ends\\. Free it with: jmp delete leases night-5$

Too Many Pings
    [Documentation]    An exporter would take offence at them; the client sends none.
    [Setup]    No Operation
    Slow Test Should Pass

Odd Frames Do Not Matter
    [Setup]    No Operation
    Slow Test Should Pass

Controller Restart
    [Documentation]    Tunnels stay, and so does the lease.
    [Setup]    No Operation
    Slow Test Should Pass

Router Restart At Acquisition
    [Documentation]    One that is away for a moment is waited for.
    [Setup]    No Operation
    Slow Test Should Pass

Router Restart Under A Device
    [Setup]    No Operation
    Slow Test Should Pass

Router Gone For Good
    [Documentation]    It gets three seconds to come back.
    [Setup]    No Operation
    Slow Test Should Pass


*** Keywords ***
Router Should Refuse
    [Arguments]    ${details}
    Inject Fault    router    refuse    details=${details}
    Drop The Tunnel
    VAR    ${message} =
    ...    REGEXP:The router 127.0.0.1:\\d+ refused the token that its controller made for lease '${LEASE}', twice: ${details}\\. The clocks or keys of controller and router may differ; tell their administrator\\.
    Error Should Come Soon    ${message}    5    Power On
    Clear Faults
    Power On

Router Certificate Should Be Refused
    [Arguments]    ${fault}    ${message}
    Inject Fault    tls    ${fault}    server=router
    VAR    ${message} =
    ...    REGEXP:The secure connection to router 127.0.0.1:\\d+ could not be made: ${message}\\. Check tls.ca and tls.insecure of the client configuration \\(the virtual lab\\), and the name in its endpoint\\.
    Error Should Come Soon    ${message}    8    Acquire Lease    exporter=virtual-1    timeout=5 s
    Clear Faults
    Nothing Should Be Left
    Wait Until Keyword Succeeds    5 s    0.1 s    Lease A Board
    Disconnect    device=device
