*** Settings ***
Documentation    Leases that several tests, suites or people share: reuse, scopes, several devices, leases of others, shells.

Library          OperatingSystem
Library          JumpstarterLibrary    mode=auto    timeout=12 s
Resource         resources/leases.resource

Suite Setup      Start The Lab
Test Setup       Forget Calls
Test Teardown    Everything Should Be Given Back
Test Timeout     30 s


*** Test Cases ***
The Same Request Shares A Lease
    [Documentation]    It is given back when the last of those who share it has let go.
    ${first} =    Acquire Lease    board=beta
    ${second} =    Acquire Lease    board=beta
    Should Be Equal    ${first.name} ${first.device}    ${second.name} ${second.device}
    Release Lease
    Active Leases Should Be    tester beta-1
    Power On
    Release Lease
    Nothing Should Be Left
    Calls Should Be    CreateLease=1    Dial=1    DeleteLease=1

Letting Go Twice
    [Documentation]    Fine in a teardown, but not for a device that never was.
    Acquire Lease    board=beta
    Release Lease
    Release Lease    device=device
    Release Lease
    Run Keyword And Expect Error
    ...    EQUALS:No device 'devise' is connected. Connected devices: none.
    ...    Release Lease    device=devise
    Calls Should Be    DeleteLease=1

A Run Does Not Wait For Itself
    [Documentation]    The only board that fits is one that the run holds already, under another alias.
    Acquire Lease    board=beta    alias=left
    VAR    ${why} =
    ...    become free, since this run waits for itself: it holds exporter 'beta-1' (device 'left'). Release it first, or ask for another exporter.
    Run Keyword And Expect Error
    ...    EQUALS:No exporter for selector 'board=beta' can ${why}
    ...    Acquire Lease    board=beta    alias=right    timeout=20 s
    Run Keyword And Expect Error
    ...    EQUALS:Exporter 'beta-1' cannot ${why}
    ...    Acquire Lease    exporter=beta-1    alias=right    timeout=20 s
    Active Leases Should Be    tester beta-1
    Release Lease    device=left
    Nothing Should Be Left

Another Request Is Another Lease
    Acquire Lease    board=alpha
    ${other} =    Acquire Lease    board=alpha,os!=windows
    Should Be Equal    ${other.device}    device2
    Active Leases Should Be    tester alpha-1    tester alpha-2
    Run Keyword And Expect Error
    ...    EQUALS:There is a device 'device2' already. Disconnect it first, or choose another alias.
    ...    Acquire Lease    board=beta    alias=device2
    Calls Should Be    CreateLease=2
    Active Leases Should Be    tester alpha-1    tester alpha-2

A Lease That Was Lost Is Not Shared
    ${first} =    Acquire Lease    board=alpha    alias=left
    Expire Lease    ${first}
    Lease Should Be Known To Be Over    left
    ${second} =    Acquire Lease    board=alpha    alias=right
    Should Not Be Equal    ${first.name}    ${second.name}
    Active Leases Should Be    tester alpha-1

Scopes
    [Documentation]    Two suites with two tests each ask for the same board, in runs of their own.
    [Template]    Scope Should Take Leases
    run    1
    suite    2
    test    4

A Lease Ends With Its Test
    [Documentation]    The board is free in the next test, though the run goes on.
    ${result} =    Run Child    ends_with_test.robot
    Should Be Equal As Integers    ${result.rc}    0    ${result.stdout}
    Nothing Should Be Left

Library Import Says What Is Leased
    ${result} =    Run Child    by_import.robot
    Should Be Equal As Integers    ${result.rc}    0    ${result.stdout}
    ${leases} =    All Leases
    Should Be Equal    ${{ [(one.exporter, one.ended) for one in $leases] }}    ${{ [('beta-1', True)] }}

Several Devices
    ${leases} =    Acquire Devices    left=os=android    right=board=beta
    Should Be Equal    ${{ [(one.device, one.exporter) for one in $leases] }}    ${{ [('left', 'alpha-2'), ('right', 'beta-1')] }}
    Active Leases Should Be    tester alpha-2    tester beta-1
    Power On    device=left
    ${left} =    Switched On Exporter    alpha-2
    ${right} =    Switched On Exporter    beta-1
    Should Be Equal    ${{ [$left, $right] }}    ${{ [['on'], []] }}
    Release Lease    device=left
    Active Leases Should Be    tester beta-1

Several Devices Or None
    [Documentation]    One of them is held: the other one is taken, and given back.
    ${held} =    Colleague Takes    beta-1
    ${until} =    Lease End Time    ${held}
    Run Keyword And Expect Error
    ...    REGEXP:The devices left, right did not become free together within 1\\.5 seconds\\. The last one missing was 'right': No exporter for selector 'board=beta' became free within 1.* seconds?: those that match are leased \\(1 exporter matches, 1 online; 'beta-1' is held by client 'colleague' until ${until}\\)\\. The request was taken back\\. Wait longer with timeout=, or ask for another exporter\\.
    ...    Acquire Devices    left=board=alpha,os=android    right=board=beta    timeout=1.5 s
    Active Leases Should Be    colleague beta-1
    ${mine} =    All Leases
    Should Contain    ${{ [one.exporter for one in $mine] }}    alpha-2

Several Devices Of Which One Cannot Be
    Run Keyword And Expect Error
    ...    EQUALS:No exporter fits selector 'board=gamma': no exporter has board=gamma; 1 has board=away, 2 have board=alpha, 1 has board=beta, 1 has board=shelf. Correct the selector.
    ...    Acquire Devices    left=board=alpha    right=board=gamma    timeout=10 s
    Active Leases Should Be
    Run Keyword And Expect Error
    ...    EQUALS:There is nothing to acquire. Give devices as alias=selector.
    ...    Acquire Devices

Attach To A Lease
    [Documentation]    The lease that JMP_LEASE names is used for each request, and never released.
    [Setup]    Name A Lease In The Environment    tester
    ${lease} =    Acquire Lease    board=alpha
    Should Be Equal    ${lease.name} ${lease.exporter}    ${NAME} beta-1
    Power On
    ${switched} =    Switched On Exporter    beta-1
    Should Be Equal    ${switched}    ${{ ['on'] }}
    Release Lease
    Active Leases Should Be    tester beta-1
    Calls Should Be    CreateLease=0    Dial=1    DeleteLease=0
    [Teardown]    Forget The Lease In The Environment

Attach To A Lease Of Another Client
    [Setup]    Name A Lease In The Environment    colleague
    Run Keyword And Expect Error
    ...    EQUALS:Lease '${NAME}' belongs to client 'colleague', not to 'tester'. Ask its owner to transfer it, or acquire another one.
    ...    Acquire Lease    board=alpha
    Calls Should Be    CreateLease=0    Dial=0
    [Teardown]    Forget The Lease In The Environment

Attach To A Lease That Waits
    [Setup]    Run Keywords    Colleague Takes    beta-1    AND    Name A Lease In The Environment    tester
    Run Keyword And Expect Error
    ...    EQUALS:Lease '${NAME}' has no exporter yet: it is leased. Wait until it is ready.
    ...    Acquire Lease    board=alpha
    Active Leases Should Be    colleague beta-1    tester -
    [Teardown]    Forget The Lease In The Environment

Attach To A Lease That Is Over
    [Setup]    Name A Lease In The Environment    tester
    End Lease    ${NAME}
    Lease Should Have Ended    ${NAME}
    Run Keyword And Expect Error
    ...    EQUALS:Lease '${NAME}' of exporter 'beta-1' was released, but not by this run: by its owner elsewhere, by its exporter or by an administrator. Acquire it again.
    ...    Acquire Lease    board=alpha
    [Teardown]    Forget The Lease In The Environment

Attach To A Lease That Never Was
    Set Environment Variable    JMP_LEASE    no-such-lease
    Run Keyword And Expect Error
    ...    EQUALS:The controller ${ENDPOINT} knows nothing of lease 'no-such-lease'. Check its name; `jmp get leases` and `jmp get exporters` list what is there.
    ...    Acquire Lease    board=alpha
    Calls Should Be    CreateLease=0
    [Teardown]    Forget The Lease In The Environment

Inside A Shell
    [Documentation]    The same keyword joins the shell's exporter; nothing is leased, and nothing released.
    [Setup]    Enter A Shell
    ${lease} =    Acquire Lease    board=alpha
    Should Be Equal    ${lease.name} ${lease.exporter} ${lease.status}    ${NAME} alpha-1 unknown
    Should Be Equal    ${lease.labels}    ${{ {'board': 'alpha', 'os': 'linux'} }}
    Power On
    ${switched} =    Call Driver    power    history
    Should Be Equal    ${switched}    ${{ ['on'] }}
    Release Lease
    Active Leases Should Be    tester alpha-1
    Calls Should Be    CreateLease=0    Dial=0    GetLease=0    DeleteLease=0
    [Teardown]    Leave The Shell

Another Device Inside A Shell
    [Setup]    Enter A Shell
    ${lease} =    Acquire Lease    board=alpha
    ${shared} =    Acquire Lease    board=alpha
    Should Be Equal    ${lease.device}    ${shared.device}
    Run Keyword And Expect Error
    ...    EQUALS:This run is inside a shell, whose only device is in use already. Unset JUMPSTARTER_HOST, or use mode=lease, to lease another one.
    ...    Acquire Lease    board=beta
    Calls Should Be    CreateLease=0
    [Teardown]    Leave The Shell

The Lease Of A Shell Is The Shell's
    [Documentation]    It can be looked at, but this run has no business changing it.
    [Setup]    Enter A Shell
    Acquire Lease    board=alpha
    ${left} =    Get Lease Time Left
    Should Be True    3500 < $left.total_seconds() <= 3600
    VAR    ${message} =
    ...    EQUALS:Device 'device' was not leased by this run (mode shell), so it has no lease to work with. Use `Acquire Lease` outside of a shell.
    Run Keyword And Expect Error    ${message}    Extend Lease
    Run Keyword And Expect Error    ${message}    Transfer Lease    colleague
    Calls Should Be    UpdateLease=0
    [Teardown]    Leave The Shell

Interrupted Runs Give Back Their Leases
    [Template]    Interrupted Run Should Give Back Its Lease
    SIGINT    Holds    waiting now
    SIGTERM    Holds    waiting now

Interrupted Runs Take Back Their Requests
    [Setup]    Colleague Takes    beta-1
    [Template]    Interrupted Run Should Give Back Its Lease
    SIGINT    Awaits    Waiting for    colleague beta-1
    SIGTERM    Awaits    Waiting for    colleague beta-1

Test Timeout While Waiting For A Board
    Colleague Takes    beta-1
    ${result} =    Run Child    interrupted.robot    --test    Times Out
    Should Contain    ${result.messages}[0]    Test timeout 1 second exceeded.
    Active Leases Should Be    colleague beta-1
    Calls Should Be    CreateLease=1    DeleteLease=1


*** Keywords ***
Name A Lease In The Environment
    [Documentation]    A client leases a board; the lease is NAME.
    [Arguments]    ${client}
    ${name} =    Colleague Takes    beta-1    ${client}
    VAR    ${NAME} =    ${name}    scope=TEST
    Set Environment Variable    JMP_LEASE    ${NAME}
    Forget Calls

Forget The Lease In The Environment
    [Documentation]    The test must have left it as it was; here its owner ends it.
    Remove Environment Variable    JMP_LEASE
    Run Keyword And Ignore Error    Disconnect    device=device
    End All Leases
    Everything Should Be Given Back

Enter A Shell
    [Documentation]    The shell's lease is NAME.
    ${name} =    Colleague Takes    alpha-1    tester
    VAR    ${NAME} =    ${name}    scope=TEST
    Enter Shell    alpha-1    ${NAME}
    Forget Calls

Leave The Shell
    Leave Shell
    Forget The Lease In The Environment

Scope Should Take Leases
    [Documentation]    Only one board fits, so that each lease has to end before the next one begins.
    [Arguments]    ${scope}    ${count}
    Forget Calls
    ${result} =    Run Child    scopes    --variable    SCOPE:${scope}
    Should Be Equal As Integers    ${result.rc}    0    ${result.stdout}
    ${leases} =    All Leases
    Should Be Equal    ${{ [one.exporter for one in $leases] }}    ${{ ['beta-1'] * int($count) }}
    Calls Should Be    CreateLease=${count}    DeleteLease=${count}
    Nothing Should Be Left

Interrupted Run Should Give Back Its Lease
    [Documentation]    The signal comes when a certain line is on the console.
    [Arguments]    ${signal}    ${test}    ${line}    @{others}
    Forget Calls
    &{lab} =    Lab Environment
    ${result} =    Interrupt Child Suite    _children/leases/interrupted.robot    --test    ${test}
    ...    signal_name=${signal}    when=${line}    &{lab}
    Should Contain    ${result.stdout}    Execution terminated by signal
    Should Be True    ${result.after_signal} < 5
    Calls Should Be    CreateLease=1    DeleteLease=1
    Active Leases Should Be    @{others}
