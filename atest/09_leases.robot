*** Settings ***
Documentation    Leases: asked for, shared, kept, extended and given back; each with what is said when it is not so.
...              What counts is what the lab has seen of it.

Library          Collections
Library          OperatingSystem
Library          String
Library          JumpstarterLibrary    mode=auto    timeout=10 s
Library          libraries/ChildRun.py
Library          libraries/Lab.py

Suite Setup      Start Lab
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
    ...    EQUALS:No exporter fits selector 'os=android' and exporter 'beta-1': exporter 'beta-1' does not have the labels of selector 'os=android'. Leave one out.
    ...    Acquire Lease    os=android    beta-1

Nothing To Lease
    Run Keyword And Expect Error
    ...    EQUALS:A lease needs a selector or the name of an exporter. Give selector= or exporter=, here or at the library's import.
    ...    Acquire Lease
    Calls Should Be    CreateLease=0

No Such Exporter
    Run Keyword And Expect Error
    ...    EQUALS:No exporter fits exporter 'gamma-1': there is no exporter 'gamma-1'. `jmp get exporters` lists what there is.
    ...    Acquire Lease    exporter=gamma-1

No Such Labels
    [Documentation]    What will never fit is told at once, with what comes nearest.
    Run Keyword And Expect Error
    ...    EQUALS:No exporter fits selector 'board=alhpa': no exporter has board=alhpa; 2 have board=alpha, 1 has board=beta, 1 has board=away and 1 more. Correct the selector.
    ...    Acquire Lease    board=alhpa    timeout=1 min
    Run Keyword And Expect Error
    ...    EQUALS:No exporter fits selector 'board=beta,os=android': no exporter meets all of it; without 'os=android' 1 would match: beta-1 (os=linux). Correct the selector.
    ...    Acquire Lease    board=beta,os=android    timeout=1 min

No Selector
    Run Keyword And Expect Error
    ...    EQUALS:x
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
    ...    EQUALS:x
    ...    Acquire Lease    board=gamma | board=delta

Disabled Exporter
    Run Keyword And Expect Error
    ...    EQUALS:No exporter fits selector 'board=shelf': all exporters that match are disabled by their administrator. Choose another selector.
    ...    Acquire Lease    board=shelf
    Run Keyword And Expect Error
    ...    EQUALS:No exporter fits exporter 'shelf-1': exporter 'shelf-1' is disabled by its administrator. Choose another one.
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
    Should Be True    ${mine}[0].ended
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


*** Keywords ***
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
