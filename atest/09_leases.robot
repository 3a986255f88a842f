*** Settings ***
Documentation    Leases: asked for, waited for, and given back; each with what is said when it is not so.

Library          Collections
Library          String
Library          JumpstarterLibrary    mode=auto    timeout=9 s
Resource         resources/leases.resource

Suite Setup      Start The Lab
Test Setup       Forget Calls
Test Teardown    Everything Should Be Given Back
Test Timeout     30 s


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
    ${begin} =    Evaluate    datetime.datetime.now() + datetime.timedelta(seconds=1)    modules=datetime
    ${lease} =    Acquire Lease    exporter=beta-1    begin=${begin}    duration=5 min
    ${record} =    Get Lab Lease    ${lease}
    Should Be True    $record.effective_begin >= $begin.astimezone().replace(microsecond=0)
    # It ends by its plan, not five minutes after it was granted.
    Should Be True    abs(($lease.end - $begin.astimezone()).total_seconds() - 300) <= 1

Durations That Cannot Be
    Run Keyword And Expect Error
    ...    EQUALS:duration= has to be longer than nothing and at most 365 days, not 0 milliseconds.
    ...    Acquire Lease    board=alpha    duration=0
    Run Keyword And Expect Error
    ...    EQUALS:max_duration= (10 minutes) is shorter than duration= (30 minutes). Give a longer one, or leave it out.
    ...    Acquire Lease    board=alpha    max_duration=10 min
    FOR    ${argument}    ${value}    IN    duration    400 days    timeout    soon    max_duration    1 fortnight
        Run Keyword And Expect Error
        ...    EQUALS:ValueError: Argument '${argument}' got value '${value}' that cannot be converted to Duration: must be a length of time from 0 seconds to 365 days, such as 90 (seconds), '500 ms', '1h30m' or 'PT1H30M', not '${value}'
        ...    Acquire Lease    board=alpha    ${argument}=${value}
    END
    Calls Should Be    CreateLease=0

Wait For A Board
    [Documentation]    Another client has it; as soon as it is free, it is ours.
    ${held} =    Colleague Takes    beta-1
    Do Later    0.4    End Lease    ${held}
    Acquire Lease    board=beta    timeout=10 s
    Active Leases Should Be    tester beta-1
    Calls Should Be    CreateLease=1

Waiting Ends In Time
    ${held} =    Colleague Takes    beta-1
    ${until} =    Lease End Time    ${held}
    Run Keyword And Expect Error
    ...    EQUALS:No exporter for selector 'board=beta' became free within 500 milliseconds: those that match are leased (1 exporter matches, 1 online; 'beta-1' is held by client 'colleague' until ${until}). The request was taken back. Wait longer with timeout=, or ask for another exporter.
    ...    Acquire Lease    board=beta    timeout=0.5 s
    Active Leases Should Be    colleague beta-1
    Calls Should Be    CreateLease=1    DeleteLease=1
    ${mine} =    All Leases
    Should Be True    $mine[0].ended and $mine[0].exporter is None
    Run Keyword And Expect Error
    ...    EQUALS:No exporter for selector 'board=away' became free within 300 milliseconds: those that match are offline (1 exporter matches, 0 online; 'away-1' is offline). The request was taken back. Wait longer with timeout=, or ask for another exporter.
    ...    Acquire Lease    board=away    timeout=0.3 s

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
