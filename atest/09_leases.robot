*** Settings ***
Documentation    Leases: asked for, shared, kept, extended and given back; each with what is said when it is not so.
...              What counts is what the lab has seen of it.

Library          Collections
Library          OperatingSystem
Library          String
Library          JumpstarterLibrary    mode=auto    timeout=10 s
Library          libraries/ChildRun.py
Library          libraries/Lab.py

Suite Setup      Start The Lab
Test Setup       Forget Calls
Test Teardown    Everything Should Be Given Back
Test Timeout     30 s


*** Variables ***
# A request id of the client's own: UUID, version 7.
${UUID}    [0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}


*** Test Cases ***
Lease By Selector
    ${lease} =    Acquire Lease    board=alpha,os=android    timeout=10 s
    Should Match Regexp    ${lease.name}    ^${UUID}$
    Should Be Equal    ${lease.device} ${lease.exporter} ${lease.client} ${lease.status}    device alpha-2 tester ready
    Active Leases Should Be    tester alpha-2
    Power On
    ${switched} =    Switched On Exporter    alpha-2
    Should Be Equal    ${switched}    ${{ ['on'] }}
    Release Lease
    Nothing Should Be Left
    Calls Should Be    CreateLease=1    Dial=1    DeleteLease=1

Lease By Name
    ${lease} =    Acquire Lease    exporter=beta-1
    Should Be Equal    ${lease.exporter}    beta-1
    ${record} =    Get Lab Lease    ${lease}
    Should Be Equal    ${record.exporter_name}    beta-1
    Active Leases Should Be    tester beta-1

Lease By Selector And Name
    Acquire Lease    os=linux    beta-1
    Active Leases Should Be    tester beta-1
    Release Lease
    Run Keyword And Expect Error
    ...    EQUALS:Exporter 'beta-1' cannot be leased: it does not have the labels of selector 'os=android'. Leave one of the two out.
    ...    Acquire Lease    os=android    beta-1

Nothing To Lease
    Run Keyword And Expect Error
    ...    EQUALS:A lease needs a selector or the name of an exporter. Give selector= or exporter=, here or at the library's import.
    ...    Acquire Lease
    Calls Should Be    CreateLease=0

No Such Exporter
    Run Keyword And Expect Error
    ...    EQUALS:Exporter 'gamma-1' cannot be leased: the controller knows none of that name. `jmp get exporters` lists what there is.
    ...    Acquire Lease    exporter=gamma-1

No Such Labels
    [Documentation]    What will never fit is told at once, with what comes nearest.
    Run Keyword And Expect Error
    ...    EQUALS:No exporter fits selector 'board=alhpa': no exporter has board=alhpa; 2 have board=alpha, 1 has board=away, 1 has board=beta, 1 has board=shelf. Correct the selector.
    ...    Acquire Lease    board=alhpa    timeout=1 min
    Run Keyword And Expect Error
    ...    EQUALS:No exporter fits selector 'board=beta,os=android': no exporter meets all of it; without 'board=beta' 1 would match: alpha-2 (board=alpha). Correct the selector.
    ...    Acquire Lease    board=beta,os=android    timeout=1 min

No Selector
    Run Keyword And Expect Error
    ...    EQUALS:The selector 'board==alpha' is wrong at column 6: leases take no '=='; write 'board=' with one '='.
    ...    Acquire Lease    board==alpha
    Calls Should Be    CreateLease=0

First Free Alternative
    ${held} =    Colleague Takes    beta-1
    ${lease} =    Acquire Lease    board=beta | board=alpha,os=android | os=linux
    Active Leases Should Be    colleague beta-1    tester alpha-2
    ${record} =    Get Lab Lease    ${lease}
    Should Be Equal As Strings    ${record.selector}    board=alpha,os=android
    Release Lease
    End Lease    ${held}
    Run Keyword And Expect Error
    ...    EQUALS:No exporter fits any of the alternatives of selector 'board=gamma | kind=beta': no exporter has board=gamma; 1 has board=away, 2 have board=alpha, 1 has board=beta, 1 has board=shelf; no exporter has a label 'kind'. Correct one.
    ...    Acquire Lease    board=gamma | kind=beta

Disabled Exporter
    Run Keyword And Expect Error
    ...    EQUALS:No exporter fits selector 'board=shelf': those that match are disabled by their administrator. Choose another selector, or give allow_disabled=yes.
    ...    Acquire Lease    board=shelf
    Run Keyword And Expect Error
    ...    EQUALS:Exporter 'shelf-1' cannot be leased: its administrator has disabled it. Choose another one, or give allow_disabled=yes.
    ...    Acquire Lease    exporter=shelf-1
    Acquire Lease    board=shelf    allow_disabled=yes
    Active Leases Should Be    tester shelf-1

Own Name
    Acquire Lease    exporter=beta-1    name=night-run-7
    ${record} =    Get Lab Lease    night-run-7
    Should Be Equal    ${record.exporter}    beta-1

Scheduled Lease
    ${begin} =    Evaluate    datetime.datetime.now() + datetime.timedelta(seconds=2)    modules=datetime
    ${lease} =    Acquire Lease    exporter=beta-1    begin=${begin}    duration=5 min
    ${record} =    Get Lab Lease    ${lease}
    Should Be True    $record.effective_begin >= $begin.astimezone().replace(microsecond=0)
    # It ends by its plan, not five minutes after it was granted.
    Should Be True    abs(($lease.end - $begin.astimezone()).total_seconds() - 300) <= 1

Durations That Cannot Be
    Run Keyword And Expect Error
    ...    EQUALS:duration= has to be longer than nothing, not 0:00:00.
    ...    Acquire Lease    board=alpha    duration=0
    Run Keyword And Expect Error
    ...    EQUALS:max_duration= (0:10:00) is shorter than duration= (0:30:00). Give a longer one, or leave it out.
    ...    Acquire Lease    board=alpha    max_duration=10 min
    Calls Should Be    CreateLease=0

# Waiting

Wait For A Board
    [Documentation]    Somebody has it; as soon as it is free, it is ours.
    ${held} =    Colleague Takes    beta-1
    Do Later    0.7    End Lease    ${held}
    Acquire Lease    board=beta    timeout=10 s
    Active Leases Should Be    tester beta-1
    Calls Should Be    CreateLease=1

Waiting Ends In Time
    ${held} =    Colleague Takes    beta-1
    ${until} =    Lease End Time    ${held}
    Run Keyword And Expect Error
    ...    EQUALS:No exporter for selector 'board=beta' became free within 1 second: those that match are leased (1 exporter matches, 1 online; 'beta-1' is held by client 'colleague' until ${until}). The request was taken back. Wait longer with timeout=, or ask for another exporter.
    ...    Acquire Lease    board=beta    timeout=1 s
    Active Leases Should Be    colleague beta-1
    Calls Should Be    CreateLease=1    DeleteLease=1
    ${mine} =    All Leases
    Should Be True    $mine[0].ended and $mine[0].exporter is None
    Run Keyword And Expect Error
    ...    EQUALS:No exporter for selector 'board=away' became free within 500 milliseconds: those that match are offline (1 exporter matches, 0 online; 'away-1' is offline). The request was taken back. Wait longer with timeout=, or ask for another exporter.
    ...    Acquire Lease    board=away    timeout=0.5 s

The Wait Is Told
    [Documentation]    One line when it begins, one at each interval, with who has the board; on the console too.
    ${held} =    Colleague Takes    beta-1
    ${until} =    Lease End Time    ${held}
    ${result} =    Run Child    waiting.robot
    Should Be Equal As Integers    ${result.rc}    1
    ${lines} =    Get Regexp Matches    ${result.stdout}    Waiting for selector 'board=beta' .*
    Should Be True    3 <= len($lines) <= 5
    Should Match Regexp
    ...    ${lines}[0]
    ...    ^Waiting for selector 'board=beta' \\(lease '${UUID}'\\): those that match are leased \\(1 exporter matches, 1 online; 'beta-1' is held by client 'colleague' until ${until}\\)\\.$
    Should Match Regexp
    ...    ${lines}[2]
    ...    ^Waiting for selector 'board=beta' \\(lease '${UUID}'\\) since (1 second|2 seconds): those that match are leased \\(.*\\)\\.$

# Sharing and scopes

The Same Request Shares A Lease
    ${first} =    Acquire Lease    board=beta
    ${second} =    Acquire Lease    board=beta
    Should Be Equal    ${first.name} ${first.device}    ${second.name} ${second.device}
    Release Lease
    Active Leases Should Be    tester beta-1
    Power On
    Release Lease
    Nothing Should Be Left
    Calls Should Be    CreateLease=1    Dial=1    DeleteLease=1
    # Once more is fine in a teardown, but not for a device that never was.
    Release Lease    device
    Run Keyword And Expect Error
    ...    EQUALS:No device 'devise' is connected. Connected devices: none.
    ...    Release Lease    devise

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
    ${expired} =    Lease End Time    ${first}
    Wait Until Keyword Succeeds    5 s    0.1 s    Lease Should Be Known To Be Over    left
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

# Several devices

Several Devices
    ${leases} =    Acquire Devices    left=os=android    right=board=beta
    Should Be Equal    ${{ [(one.device, one.exporter) for one in $leases] }}    ${{ [('left', 'alpha-2'), ('right', 'beta-1')] }}
    Active Leases Should Be    tester alpha-2    tester beta-1
    Power On    device=left
    ${left} =    Switched On Exporter    alpha-2
    ${right} =    Switched On Exporter    beta-1
    Should Be Equal    ${{ [$left, $right] }}    ${{ [['on'], []] }}
    Release Lease    left
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
    Run Keyword And Expect Error
    ...    EQUALS:No exporter fits selector 'board=gamma': no exporter has board=gamma; 1 has board=away, 2 have board=alpha, 1 has board=beta, 1 has board=shelf. Correct the selector.
    ...    Acquire Devices    left=board=alpha    right=board=gamma    timeout=10 s
    Active Leases Should Be    colleague beta-1
    Run Keyword And Expect Error
    ...    EQUALS:There is nothing to acquire. Give devices as alias=selector.
    ...    Acquire Devices

# Leases of others, and shells

Attach To A Lease
    [Documentation]    The lease that JMP_LEASE names is used, whatever is asked for, and never released.
    ${name} =    Colleague Takes    beta-1    tester
    Set Environment Variable    JMP_LEASE    ${name}
    Forget Calls
    ${lease} =    Acquire Lease    board=alpha
    Should Be Equal    ${lease.name} ${lease.exporter}    ${name} beta-1
    Power On
    ${switched} =    Switched On Exporter    beta-1
    Should Be Equal    ${switched}    ${{ ['on'] }}
    Release Lease
    Active Leases Should Be    tester beta-1
    Calls Should Be    CreateLease=0    Dial=1    DeleteLease=0
    [Teardown]    Run Keywords    Remove Environment Variable    JMP_LEASE
    ...    AND    End All Leases
    ...    AND    Everything Should Be Given Back

Attach To A Lease In Vain
    [Setup]    Run Keywords    Forget Calls    AND    Acquire Lease    board=alpha,os=linux    alias=left
    ${theirs} =    Colleague Takes    beta-1
    Set Environment Variable    JMP_LEASE    ${theirs}
    Run Keyword And Expect Error
    ...    EQUALS:Lease '${theirs}' belongs to client 'colleague', not to 'tester'. Ask its owner to transfer it, or acquire another one.
    ...    Acquire Lease    board=alpha
    ${waiting} =    Colleague Takes    beta-1    tester
    Set Environment Variable    JMP_LEASE    ${waiting}
    Run Keyword And Expect Error
    ...    EQUALS:Lease '${waiting}' has no exporter yet: it is leased. Wait until it is ready.
    ...    Acquire Lease    board=alpha
    End Lease    ${waiting}
    End Lease    ${theirs}
    ${over} =    Colleague Takes    beta-1    tester
    End Lease    ${over}
    Lease Should Have Ended    ${over}
    Set Environment Variable    JMP_LEASE    ${over}
    Run Keyword And Expect Error
    ...    EQUALS:Lease '${over}' of exporter 'beta-1' was released, but not by this run: by its owner elsewhere, by its exporter or by an administrator. Acquire it again.
    ...    Acquire Lease    board=alpha
    Set Environment Variable    JMP_LEASE    no-such-lease
    Run Keyword And Expect Error
    ...    EQUALS:The controller ${ENDPOINT} knows nothing of lease 'no-such-lease'. Check its name; `jmp get leases` and `jmp get exporters` list what there is.
    ...    Acquire Lease    board=alpha
    Calls Should Be    CreateLease=3
    [Teardown]    Run Keywords    Remove Environment Variable    JMP_LEASE    AND    Everything Should Be Given Back

Inside A Shell
    [Documentation]    The same keyword joins the shell's exporter; nothing is leased, and the shell's lease stays.
    ${name} =    Colleague Takes    alpha-1    tester
    Enter Shell    alpha-1    ${name}
    Forget Calls
    ${lease} =    Acquire Lease    board=alpha
    Should Be Equal    ${lease.name} ${lease.exporter} ${lease.status}    ${name} alpha-1 unknown
    Should Be Equal    ${lease.labels}    ${{ {'board': 'alpha', 'os': 'linux'} }}
    ${shared} =    Acquire Lease    board=alpha
    Should Be Equal    ${lease.device}    ${shared.device}
    Power On
    ${switched} =    Call Driver    power    history
    Should Be Equal    ${switched}    ${{ ['on'] }}
    Calls Should Be    CreateLease=0    Dial=0    GetLease=0
    ${left} =    Get Lease Time Left
    Should Be True    3500 < $left.total_seconds() <= 3600
    Run Keyword And Expect Error
    ...    EQUALS:This run is inside a shell, whose only device is in use already. Unset JUMPSTARTER_HOST, or use mode=lease, to lease another one.
    ...    Acquire Lease    board=beta
    Run Keyword And Expect Error
    ...    EQUALS:Device 'device' was not leased by this run (mode shell), so it has no lease to work with. Use `Acquire Lease` outside of a shell.
    ...    Extend Lease
    Run Keyword And Expect Error
    ...    EQUALS:Device 'device' was not leased by this run (mode shell), so it has no lease to work with. Use `Acquire Lease` outside of a shell.
    ...    Transfer Lease    colleague
    Release Lease
    Release Lease
    Active Leases Should Be    tester alpha-1
    Calls Should Be    CreateLease=0    Dial=0    DeleteLease=0    UpdateLease=0
    [Teardown]    Run Keywords    Leave Shell    AND    End All Leases    AND    Everything Should Be Given Back

# Tags

Tags And Context Of A Pipeline
    [Documentation]    What the CI system says goes along; what the test says comes first.
    ${result} =    Run Child    tags.robot
    ...    GITHUB_ACTIONS=true    GITHUB_REPOSITORY=acme/boards    GITHUB_RUN_ID=4711    GITHUB_JOB=night
    ...    GITHUB_SHA=0123456789abcdef    GITHUB_REF_NAME=main    GITHUB_ACTOR=kim    GITHUB_SERVER_URL=https://github.example
    Should Be Equal As Integers    ${result.rc}    0    ${result.stdout}
    ${leases} =    All Leases
    VAR    ${tags} =    ${leases[0].tags}
    VAR    &{expected} =    ci=github    project=acme-boards    run=4711    job=by-hand    branch=main    commit=0123456789ab
    ...    user=kim    purpose=smoke
    Dictionary Should Contain Sub Dictionary    ${tags}    ${expected}
    VAR    ${context} =    ${leases[0].context}
    VAR    &{expected} =    ci=github    url=https://github.example/acme/boards/actions/runs/4711    run=4711
    ...    commit=0123456789abcdef    firmware=2026.08
    Dictionary Should Contain Sub Dictionary    ${context}    ${expected}

Tags That Cannot Be
    Run Keyword And Expect Error
    ...    EQUALS:The tag purpose=night run! is not possible: a value has up to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends. Try 'night-run'.
    ...    Acquire Lease    board=beta    tags=${{ {'purpose': 'night run!'} }}
    Run Keyword And Expect Error
    ...    EQUALS:A lease can have 10 tags, not 11.
    ...    Acquire Lease    board=beta    tags=${{ {f'tag{number}': 'x' for number in range(11)} }}
    Calls Should Be    CreateLease=0

# Time

Time Left
    ${lease} =    Acquire Lease    board=beta    duration=10 min
    ${left} =    Get Lease Time Left
    Should Be True    590 < $left.total_seconds() <= 600
    Lease Should Have Time Left    9 min
    Let Time Pass    4 min
    Run Keyword And Expect Error
    ...    REGEXP:The lease of device 'device' lasts only 35\\d(\\.\\d)? seconds from now on, and 9 minutes are needed\\. Extend it with `Extend Lease`, or acquire a longer one\\.
    ...    Lease Should Have Time Left    9 min
    ${left} =    Extend Lease    5 min
    Should Be True    650 < $left.total_seconds() <= 660
    Lease Should Have Time Left    9 min
    ${record} =    Get Lab Lease    ${lease}
    Should Be Equal As Strings    ${record.duration}    0:15:00

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
    Power On
    Let Time Pass    9 min
    ${left} =    Get Lease Time Left
    Should Be True    0 < $left.total_seconds() <= 60
    Let Time Pass    2 min
    Wait Until Keyword Succeeds    5 s    0.1 s    Lease Should Be Known To Be Over    device
    ${end} =    Lease End Time    ${lease}
    Run Keyword And Expect Error
    ...    REGEXP:Lease '${lease}' of exporter 'beta-1' has expired at ${end}, after 16 minutes\\. Acquire a longer one, extend it in time, or let it extend itself with max_duration=\\.
    ...    Power On
    Calls Should Be    UpdateLease=1

# Others

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
    ...    EQUALS:The controller ${ENDPOINT} knows nothing of lease 'no-such-lease'. Check its name; `jmp get leases` and `jmp get exporters` list what there is.
    ...    Get Lease    name=no-such-lease

Look At Exporters
    ${held} =    Colleague Takes    beta-1
    ${boards} =    Get Exporters
    ${seen} =    Evaluate    [f'{one.name} {one.online} {one.enabled} {one.free} {one.client}'.strip() for one in $boards]
    VAR    @{expected} =
    ...    alpha-1 True True True
    ...    alpha-2 True True True
    ...    away-1 False True False
    ...    beta-1 True True False colleague
    ...    shelf-1 True False False
    Should Be Equal    ${seen}    ${expected}
    ${boards} =    Get Exporters    board=beta | os=android
    Should Be Equal    ${{ [str(one) for one in $boards] }}    ${{ ['beta-1', 'alpha-2'] }}
    ${record} =    Get Lab Lease    ${held}
    Should Be Equal    ${boards[0].lease} ${boards[0].status}    ${held} LEASE_READY
    Should Be True    $boards[0].until == $record.expiry
    ${count} =    Get Exporter Count
    ${free} =    Get Exporter Count    free=yes
    ${linux} =    Get Exporter Count    os=linux
    Should Be Equal    ${count} ${free} ${linux}    3 2 2
    Run Keyword And Expect Error
    ...    EQUALS:The selector 'board in alpha' is wrong at column 10: '(' before the values is needed there, not 'alpha'.
    ...    Get Exporters    board in alpha
    Run Keyword And Expect Error    EQUALS:x    Get Exporter Count    board=alpha,

An Exporter Is Available
    ${held} =    Colleague Takes    beta-1
    ${until} =    Lease End Time    ${held}
    ${free} =    Exporter Should Be Available    os=linux
    Should Be Equal    ${free.name}    alpha-1
    Run Keyword And Expect Error
    ...    EQUALS:No exporter of selector 'board=beta' is free: 'beta-1' is held by client 'colleague' until ${until}. Try again later.
    ...    Exporter Should Be Available    board=beta
    Run Keyword And Expect Error
    ...    EQUALS:No exporter of selector 'board in (away,shelf)' is free: 'away-1' is offline, 'shelf-1' is disabled. Try again later.
    ...    Exporter Should Be Available    board in (away,shelf)
    Run Keyword And Expect Error
    ...    EQUALS:No exporter matches selector 'board=gamma'. `Get Exporters` returns what there is.
    ...    Exporter Should Be Available    board=gamma
    Calls Should Be    CreateLease=0

Skip If There Is No Exporter
    ${held} =    Colleague Takes    beta-1
    ${until} =    Lease End Time    ${held}
    ${result} =    Run Child    skips.robot
    Should Be Equal    ${result.statuses}    ${{ {'Free': 'PASS', 'Held': 'SKIP', 'Unknown': 'SKIP', 'Wrong': 'FAIL'} }}
    VAR    @{expected} =
    ...    ${EMPTY}
    ...    No exporter of selector 'board=beta' is free: 'beta-1' is held by client 'colleague' until ${until}. Try again later.
    ...    No exporter matches selector 'board=gamma'. `Get Exporters` returns what there is.
    ...    The selector 'board==beta' is wrong at column 6: leases take no '=='; write 'board=' with one '='.
    Should Be Equal    ${result.messages}    ${expected}

Wait For A Status
    ${status} =    Wait For Exporter Status    available    exporter=beta-1
    Should Be Equal    ${status}    AVAILABLE
    Acquire Lease    board=beta
    ${status} =    Wait For Exporter Status    Lease Ready
    Should Be Equal    ${status}    LEASE_READY
    Do Later    0.4    End All Leases
    ${status} =    Wait For Exporter Status    OFFLINE | AVAILABLE    exporter=beta-1    timeout=5 s
    Should Be Equal    ${status}    AVAILABLE
    Run Keyword And Expect Error
    ...    EQUALS:Exporter 'beta-1' did not get the status LEASE_READY or OFFLINE within 300 milliseconds; it is AVAILABLE.
    ...    Wait For Exporter Status    LEASE_READY|OFFLINE    exporter=beta-1    timeout=0.3 s
    Run Keyword And Expect Error
    ...    EQUALS:'READY' is no exporter status. There are: UNSPECIFIED, OFFLINE, AVAILABLE, BEFORE_LEASE_HOOK, LEASE_READY, AFTER_LEASE_HOOK, BEFORE_LEASE_HOOK_FAILED, AFTER_LEASE_HOOK_FAILED.
    ...    Wait For Exporter Status    ready
    Run Keyword And Expect Error
    ...    EQUALS:The controller ${ENDPOINT} knows nothing of exporter 'gamma-1'. Check its name; `jmp get leases` and `jmp get exporters` list what there is.
    ...    Wait For Exporter Status    AVAILABLE    exporter=gamma-1

The Setup Is Logged
    [Documentation]    With where each value came from, and without secrets, even at the most talkative log level.
    ${token} =    Client Token
    ${result} =    Run Child    setup.robot    --loglevel    TRACE    JMP_REFRESH_TOKEN=renew-me-42    JMP_LEASE=somebodys
    Should Be Equal As Integers    ${result.rc}    0    ${result.stdout}
    &{lab} =    Lab Environment
    VAR    ${home} =    ${lab}[JMP_CLIENT_CONFIG_HOME]
    ${rows} =    Get Logged Table
    ...    ${result}
    ...    Client configuration: the current client 'tester' (${home}/clients/tester.yaml)
    VAR    @{expected} =
    ...    setting | value | from
    ...    metadata.namespace | default | file
    ...    metadata.name | tester | file
    ...    endpoint | ${ENDPOINT} | file
    Should Be Equal    ${rows}[:4]    ${expected}
    Should Match Regexp    ${rows}[4]    ^token \\| \\*\\*\\* \\(.*\\) \\| file$
    List Should Contain Value    ${rows}    refresh_token | *** | environment JMP_REFRESH_TOKEN
    List Should Contain Value    ${rows}    JMP_LEASE | somebodys | environment
    ${output} =    Get File    ${result.output}/output.xml
    ${written} =    Get File    ${home}/clients/tester.yaml
    ${token} =    Evaluate    yaml.safe_load($written)['token']    modules=yaml
    FOR    ${secret}    IN    ${token}    ${token.split('.')[1]}    renew-me-42
        Should Not Contain    ${output}    ${secret}
        Should Not Contain    ${result.stdout}    ${secret}
    END

# Runs that end early

Interrupted Runs Give Back Their Leases
    [Template]    Interrupted Run Should Give Back Its Lease
    SIGINT    Holds
    SIGTERM    Holds
    SIGTERM    Awaits

Test Timeout While Waiting For A Board
    ${held} =    Colleague Takes    beta-1
    ${result} =    Run Child    interrupted.robot    --test    Times Out
    Should Contain    ${result.messages}[0]    Test timeout 1 second exceeded.
    Active Leases Should Be    colleague beta-1
    Calls Should Be    CreateLease=1    DeleteLease=1


*** Keywords ***
Start The Lab
    Start Lab
    ${endpoint} =    Lab Endpoint
    VAR    ${ENDPOINT} =    ${endpoint}    scope=SUITE

Run Child
    [Arguments]    ${suite}    @{options}    &{environment}
    &{lab} =    Lab Environment
    ${result} =    Run Child Suite    _children/leases/${suite}    @{options}    &{lab}    &{environment}
    RETURN    ${result}

Everything Should Be Given Back
    [Documentation]    What a test has left to the end of the run is let go of; then nothing may be left in the lab.
    FOR    ${alias}    IN    device    device2    left    right
        Run Keyword And Ignore Error    Disconnect    ${alias}
    END
    Active Leases Should Be Of Others
    End All Leases
    Nothing Should Be Left

Lease Should Be Known To Be Over
    [Arguments]    ${device}
    Run Keyword And Expect Error    *has expired*    Power On    ${device}

Lease Should Be Made To Last
    [Arguments]    ${lease}    ${duration}
    Wait Until Keyword Succeeds    5 s    0.1 s    Lease Should Last    ${lease}    ${duration}

Lease Should Last
    [Arguments]    ${lease}    ${duration}
    ${record} =    Get Lab Lease    ${lease}
    Should Be Equal As Strings    ${record.duration}    ${duration}

Scope Should Take Leases
    [Documentation]    Only one board fits, so that each lease has to end before the next one begins.
    [Arguments]    ${scope}    ${count}
    Forget Calls
    ${result} =    Run Child    scopes    --variable    SCOPE:${scope}
    Should Be Equal As Integers    ${result.rc}    0    ${result.stdout}
    ${leases} =    All Leases
    Length Should Be    ${leases}    ${count}
    Should Be Equal    ${{ {one.exporter for one in $leases} }}    ${{ {'beta-1'} }}
    Calls Should Be    CreateLease=${count}    DeleteLease=${count}
    Nothing Should Be Left

Interrupted Run Should Give Back Its Lease
    [Arguments]    ${signal}    ${test}
    Forget Calls
    IF    $test == 'Awaits'
        Colleague Takes    beta-1
        VAR    @{others} =    colleague beta-1
    ELSE
        VAR    @{others} =    @{EMPTY}
    END
    VAR    ${when} =    ${{ 'Waiting for' if $test == 'Awaits' else 'waiting now' }}
    &{lab} =    Lab Environment
    ${result} =    Interrupt Child Suite    _children/leases/interrupted.robot    --test    ${test}    signal_name=${signal}
    ...    when=${when}    &{lab}
    Should Contain    ${result.stdout}    Execution terminated by signal
    Should Be True    ${result.after_signal} < 5
    Calls Should Be    CreateLease=1    DeleteLease=1
    Active Leases Should Be    @{others}
