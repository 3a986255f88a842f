*** Settings ***
Documentation    What can go wrong with an exporter and its drivers: each fault with what is said and done about it.

Library          JumpstarterLibrary    mode=virtual    timeout=16 s
Library          libraries/Certificates.py
Library          libraries/ChildRun.py
Library          libraries/Images.py
Resource         resources/exporters.resource
Resource         resources/faults.resource

Suite Setup      Use The Lab    slow_exporters.robot    hooks.robot    hook_lines.robot
Test Setup       Lease A Board
Test Teardown    Nothing Should Remain
Test Timeout     40 s


*** Test Cases ***
Exporter Offline Mid-lease
    [Documentation]    The lease lasts on, and so does the device.
    Inject Fault    exporter    offline    name=virtual-1    for=0.5
    Wait Until Keyword Succeeds    10 s    0.1 s    Power On
    Active Leases Should Be    tester virtual-1
    Calls Should Be    CreateLease=0

Exporter Crash
    [Documentation]    The router says nothing; the client asks the controller about a silent exporter.
    [Timeout]    2 min
    Inject Fault    driver    delay    delay=90    method=on
    Inject Fault    exporter    crash    name=virtual-1    after=1
    Run Keyword And Expect Error
    ...    REGEXP:The tunnel to exporter 'virtual-1' \\(lease '${LEASE}'\\) broke during 'on' of driver 'power': the exporter (was not heard for \\d+ seconds, and has gone|has gone|ended it)\\. It is not known whether the exporter carried it out\\. The lease lasts on, and the next call connects again\\.
    ...    Power On

Exporter Crash During A Call
    [Documentation]    There is no answer; the caller's time limit ends it.
    Inject Fault    driver    delay    delay=20    method=on
    Inject Fault    exporter    crash    name=virtual-1    after=1
    VAR    ${message} =
    ...    EQUALS:'on' of driver 'power' did not finish within 3 seconds and was cancelled. The exporter may still be working on it. Give it more time with timeout=.
    Error Should Come Soon    ${message}    8    Call Driver    power    on    timeout=3 s

Exporter Restart
    [Documentation]    Its drivers have other ids; they are read anew.
    Inject Fault    exporter    restart    name=virtual-1
    Run Keyword And Ignore Error    Power On
    Power On
    Power Off
    Active Leases Should Be    tester virtual-1

Exporter Stands Still
    Inject Fault    exporter    pause    name=virtual-1
    VAR    ${message} =
    ...    EQUALS:'on' of driver 'power' did not finish within 500 milliseconds and was cancelled. The exporter may still be working on it. Give it more time with timeout=.
    Error Should Come Soon    ${message}    4    Call Driver    power    on    timeout=0.5 s
    Clear Faults
    Power On

Exporter Stands Still For Too Long
    [Documentation]    The tunnel to it is given up, and dialled again. It is not told as something that the board did.
    [Setup]    Lease A Board    timing=exporter_silence=2 s
    Inject Fault    exporter    pause    name=virtual-1
    VAR    ${told} =    the exporter answered nothing for 2 seconds (exporter_silence).
    Error Should Come Soon
    ...    STARTS:The tunnel to exporter 'virtual-1' (lease '${LEASE}') broke during 'on' of driver 'power': ${told}    10    Power On
    Clear Faults
    Power On

Lease Swap
    [Documentation]    The exporter hears of the next lease without having been idle: it serves that one, too.
    Inject Fault    lease    swap
    Colleague Takes    virtual-1    tester    name=next-lease
    Release Lease
    Active Leases Should Be    tester virtual-1
    Wait For Exporter Status    LEASE_READY    exporter=virtual-1    timeout=10 s
    [Teardown]    Run Keywords    End All Leases    AND    Nothing Should Remain

# Hooks

Failing Hooks
    [Setup]    Forget Calls
    [Template]    Hook Should Be Told
    endLease
    exit

# The session

Version Gap
    [Documentation]    Statuses that were missed are no reason to wait.
    Inject Fault    status    gap    name=virtual-1    versions=5
    Power On
    Inject Fault    exporter    hook-slow    hook=after    delay=0.1    name=virtual-1
    Inject Fault    status    gap    name=virtual-1    versions=5    after=0.1
    Release Lease
    Lease Should Have Ended    ${LEASE}

Old Exporter
    [Setup]    Forget Calls
    Inject Fault    exporter    old    name=virtual-1
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Power On
    Power Off
    Wait For Exporter Status    LEASE_READY    timeout=1 s
    Release Lease

Old Controller
    [Setup]    Forget Calls
    Inject Fault    controller    old
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Power On
    Exporter Should Be Available    number=2
    Release Lease

# Drivers

Driver Raises
    [Documentation]    Whether it is the driver's hardware, its time or its link that fails is told apart.
    [Template]    Error Of A Driver Should Be Told
    NotImplementedError    'on' of driver 'power' is not implemented by the exporter 'virtual-1': the relay is stuck.
    ValueError    Driver 'power' did not accept the arguments of 'on': the relay is stuck.
    TimeoutError    Driver 'power' gave up by itself in 'on': the relay is stuck. No timeout\= of this side was involved.
    ConnectionError    Driver 'power' could not reach its hardware in 'on': the relay is stuck. The exporter itself answers.
    ConnectionResetError    Driver 'power' could not reach its hardware in 'on': the relay is stuck. The exporter itself answers.

Driver Raises Anything Else
    [Template]    Error Of A Driver Should Be Told
    OSError    'on' of driver 'power' failed on the exporter: the relay is stuck.
    PermissionError    'on' of driver 'power' failed on the exporter: the relay is stuck.
    FileNotFoundError    'on' of driver 'power' failed on the exporter: the relay is stuck.
    RuntimeError    'on' of driver 'power' failed on the exporter: the relay is stuck.
    KeyError    'on' of driver 'power' failed on the exporter: 'the relay is stuck'.
    Exception    'on' of driver 'power' failed on the exporter: the relay is stuck.

Answer That Is Too Large
    Inject Fault    driver    flood    size=65 MiB    method=on
    Run Keyword And Expect Error    EQUALS:The answer of 'on' of driver 'power' is too large: it has 68157488 bytes, and one message can have 67108864. Ask for less at once, or use a byte stream or a file.    Power On
    Clear Faults
    Power Off
    Calls Should Be    Dial=0

Answer Over Four MiB
    Inject Fault    driver    flood    size=5 MiB    method=on
    Power On

Image Over Four MiB
    ${image} =    Create Random Image    6000000
    Write Image    ${image}    verify=read_back

# Passphrases

Passphrase Of A Standalone Exporter
    [Setup]    No Operation
    ${host} =    Start Exporter    ${BARE}    --tcp    127.0.0.1:0    --insecure    --passphrase    open sesame
    VAR    ${message} =
    ...    EQUALS:The exporter '${host}' refused the passphrase: invalid or missing passphrase. Give the right one with passphrase= or JMP_GRPC_PASSPHRASE.
    Error Should Come Soon    ${message}    2    Connect To Exporter    ${host}    tls=plaintext    passphrase=wrong
    Error Should Come Soon    ${message}    2    Connect To Exporter    ${host}    tls=plaintext
    Connect To Exporter    ${host}    tls=plaintext    passphrase=open sesame

# What takes long has been running meanwhile

Slow Hook
    [Setup]    No Operation
    ${result} =    Slow Test Should Pass
    Should Contain    ${result.stdout}    Exporter 'virtual-1' runs its hook before the lease; waiting for it.

Failing Hooks Whose Boards Can Be Used
    [Documentation]    Each is a warning, with what the hook has printed.
    [Setup]    No Operation
    ${result} =    Slow Test Should Pass
    VAR    @{expected} =
    ...    Exporter 'virtual-1' is ready, but its hook failed: The beforeLease hook failed with exit status 1. Its last lines were:\n \ no such switch\n \ The beforeLease hook failed with exit status 1 (onFailure: warn).
    ...    The hook after the lease of exporter 'virtual-1' failed: The afterLease hook failed with exit status 1. Its last lines were:\n \ no such switch\n \ The afterLease hook failed with exit status 1 (onFailure: warn).
    ...    The hook after the lease of exporter 'virtual-1' failed: The afterLease hook failed with exit status 1 (onFailure: endLease). Its last lines were:\n \ no such switch\n \ The afterLease hook failed with exit status 1 (onFailure: endLease).
    ...    The hook after the lease of exporter 'virtual-1' failed: The exporter stops. The afterLease hook failed with exit status 1 (onFailure: exit). Its last lines were:\n \ no such switch\n \ The afterLease hook failed with exit status 1 (onFailure: exit).
    Should Be Equal    ${result.warnings}    ${expected}

Last Lines Of A Hook
    [Documentation]    It fails after a while, when a client listens. What it has printed is in the message.
    [Setup]    No Operation
    Slow Test Should Pass

Exporter Offline Mid-lease For Good
    [Setup]    No Operation
    Slow Test Should Pass


*** Keywords ***
Hook Should Be Told
    [Arguments]    ${on_failure}
    Inject Fault    exporter    hook-fails    name=virtual-1    on_failure=${on_failure}    output=no such switch
    # A hook that fails before a client listens has its lines in the exporter's log only.
    Error Should Come Soon
    ...    REGEXP:(The e|E)xporter 'virtual-1' of lease '.*' cannot be used, because its hook before the lease failed: .*The beforeLease hook failed with exit status 1 \\(onFailure: ${on_failure}\\)\\. (Look at|Its last lines were:\\n)(.|\\n)*
    ...    5
    ...    Acquire Lease
    ...    exporter=virtual-1
    ...    timeout=20 s
    Clear Faults
    Nothing Should Be Left
    Lab Should Be Ready

Error Of A Driver Should Be Told
    [Documentation]    The link has not suffered.
    [Arguments]    ${error}    ${message}
    Inject Fault    driver    raise    error=${error}    text=the relay is stuck    method=on
    Run Keyword And Expect Error    EQUALS:${message}    Power On
    Clear Faults
    Power Off
    Calls Should Be    Dial=0
