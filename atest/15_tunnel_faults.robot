*** Settings ***
Documentation    What can go wrong while a device is in use, on the way to it: each fault with what is said and done.

Library          JumpstarterLibrary    mode=virtual    timeout=15 s
Library          libraries/Images.py
Resource         resources/faults.resource

Suite Setup      Use The Lab
Test Setup       Lease A Board
Test Teardown    Nothing Should Remain
Test Timeout     40 s


*** Variables ***
${AGAIN}    It is not known whether the exporter carried it out. The lease lasts on, and the next keyword connects again.


*** Test Cases ***
# The lease ends

Lease Expiry During A Call
    Inject Fault    driver    delay    delay=20    method=on
    Do Later    0.5    Expire Lease    ${LEASE}
    Error Should Come Soon    REGEXP:${{ re.escape('x') }}    5    Power On
    Lease Should Have Ended    ${LEASE}

Release By Somebody Else During A Call
    Inject Fault    driver    delay    delay=20    method=on
    Do Later    0.5    End Lease    ${LEASE}
    Error Should Come Soon    EQUALS:x    5    Power On

Release By Somebody Else Between Calls
    End Lease    ${LEASE}
    Lease Should Be Known To Be Over
    Run Keyword And Expect Error    EQUALS:x    Power On
    Calls Should Be    Dial=0    DeleteLease=0

Transfer To Somebody Else
    [Documentation]    The tunnel would go on; but the board is not ours any more. Nor is the lease ours to release.
    Inject Fault    lease    transfer
    Lease Should Be Known To Be Over
    Run Keyword And Expect Error    EQUALS:x    Power On
    Disconnect    device
    Active Leases Should Be    somebody virtual-1
    Calls Should Be    Dial=0    DeleteLease=0

Transfer Before A New Tunnel
    Inject Fault    lease    transfer
    Inject Fault    router    drop
    Run Keyword And Expect Error    EQUALS:x    Power On
    Disconnect    device
    Active Leases Should Be    somebody virtual-1

# The router

Router Drops A Tunnel Between Calls
    Inject Fault    router    drop
    Power On
    Power Off
    Calls Should Be    Dial=1

Router Drops A Tunnel During A Call
    [Documentation]    The call fails and is not repeated; the next one works.
    Inject Fault    driver    delay    delay=0.8    method=on    times=1
    Inject Fault    router    drop    after=0.3
    Error Should Come Soon    EQUALS:x    5    Power On
    ${readings} =    Get Power Readings    samples=1    timeout=5 s
    Sleep    1 s    If somebody repeated the call, the board would be on by now.
    ${state} =    Board State    virtual-1
    Should Be Equal    ${state}    OFF
    Calls Should Be    Dial=1

Router Drops A Tunnel During An Upload
    ${image} =    Create Random Image    30000000
    Inject Fault    router    slow    delay=0    rate=10 MiB
    Inject Fault    router    drop    after=0.7
    Error Should Come Soon    EQUALS:x    6    Write Image    ${image}
    Clear Faults
    Write Image    ${image}

Router Drops A Tunnel Under A Console
    [Documentation]    It goes on where the board is, and what came before is still there.
    Power On
    Console Should Contain    U-Boot    timeout=5 s
    Inject Fault    router    drop
    Console Should Contain    login:    timeout=10 s
    Console Should Contain    U-Boot    since=power_on    timeout=1 s

Router Restart
    Inject Fault    router    restart    down=0.5
    Power On
    Calls Should Be    Dial=1

Router Goes Silent
    [Documentation]    Nobody says that anything is wrong; the caller's time limit ends it.
    Inject Fault    router    drop    how=silent
    Error Should Come Soon    EQUALS:x    4    Get Power Readings    samples=1    timeout=1 s

Router Refuses A Token Once
    Inject Fault    router    drop
    Inject Fault    router    refuse    times=1
    Power On
    Calls Should Be    Dial=2

Router Refuses Every Token
    [Template]    Router Should Refuse
    invalid jwt token
    token has invalid claims: token is expired
    signature is invalid
    token used before issued

Router Never Pairs For A While
    [Documentation]    Whoever is not met in time asks for another way.
    [Setup]    Forget Calls
    Inject Fault    router    never-pair    for=3
    Acquire Lease    exporter=virtual-1    timeout=15 s
    Power On
    Calls Should Be    CreateLease=1    Dial=2

Router Never Pairs
    [Setup]    Forget Calls
    Inject Fault    router    never-pair
    Error Should Come Soon    EQUALS:x    8    Acquire Lease    exporter=virtual-1    timeout=2 s

Odd Frames Do Not Matter
    [Template]    Everything Should Work With
    rechunk    size=1000
    rechunk    size=1
    empty-frames
    odd-frames
    slow    delay=0.02

Certificate Of A Router
    [Setup]    Forget Calls
    [Template]    Router Certificate Should Be Refused
    unknown-ca    its certificate is not trusted here: another authority signed it, or it has expired
    wrong-name    its certificate is not for this host name

# The controller

Controller Restart
    [Documentation]    Tunnels stay, and so does the lease.
    Inject Fault    controller    restart    down=0.5
    Power On
    Power Off
    ${lease} =    Get Lease
    Should Be Equal    ${lease.name} ${lease.status}    ${LEASE} ready
    Calls Should Be    Dial=0    CreateLease=0

Controller Gone For Longer
    Inject Fault    controller    down    for=3
    Power On
    Sleep    2.5 s    So that the lease is looked at in vain.
    Power Off
    Wait Until Keyword Succeeds    10 s    0.5 s    Get Lease
    Power On
    Release Lease
    Calls Should Be    DeleteLease=1

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

DeleteLease Fails
    [Documentation]    The lease is named, with the command that frees it.
    ${result} =    Run Child Suite    _children/faults/undeletable.robot
    Should Be Equal As Integers    ${result.rc}    0    ${result.stdout}


*** Keywords ***
Router Should Refuse
    [Arguments]    ${details}
    Inject Fault    router    drop
    Inject Fault    router    refuse    details=${details}
    Error Should Come Soon    EQUALS:x ${details}    5    Power On
    Clear Faults
    Power On

Everything Should Work With
    [Documentation]    From the acquisition to the release.
    [Arguments]    ${fault}    &{options}
    Disconnect    device
    Forget Calls
    Inject Fault    router    ${fault}    &{options}
    Acquire Lease    exporter=virtual-1    timeout=15 s
    ${image} =    Create Random Image    20000
    ${written} =    Write Image    ${image}    verify=read_back
    Should Be Equal    ${written.verdict.value}    verified
    Power On
    Console Should Contain    U-Boot    timeout=10 s
    Release Lease
    Calls Should Be    Dial=1
    Clear Faults

Router Certificate Should Be Refused
    [Arguments]    ${fault}    ${message}
    Inject Fault    tls    ${fault}    server=router
    Error Should Come Soon    EQUALS:x ${message}    8    Acquire Lease    exporter\=virtual-1    timeout=5 s
    Clear Faults
    Nothing Should Be Left
