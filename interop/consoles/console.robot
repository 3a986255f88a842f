*** Settings ***
Documentation     The console suite on a real serial port with a real shell behind it, at upstream's exporter and at ours:
...               places, several patterns, typing, commands in noise, failing patterns, transcripts (interop/test_consoles.py).

Library           Collections
Library           OperatingSystem
Library           JumpstarterLibrary    timeout=10 s

Suite Setup       Log In
Suite Teardown    Log Out
Test Setup        Mark Console    test    driver=console


*** Variables ***
${NOISE}    (while :; do awk '{printf "[%12.6f] noise\\n", $1}' /proc/uptime; sleep 0.02; done) &


*** Test Cases ***
Places And Several Patterns
    Write To Console    echo alpha; echo beta    driver=console
    ${found} =    Wait For Console Any Of    NEVER=never    BETA=regexp:^be(?P<rest>\\w+)$    driver=console
    Should Be Equal    ${found.name}    BETA
    Should Be Equal    ${found.groups}    ${{ {'rest': 'ta'} }}
    Console Should Contain    regexp:^alpha$    since=test    driver=console
    Run Keyword And Expect Error
    ...    STARTS:No match for 'gamma' on console 'console' in 200 milliseconds.
    ...    Console Should Contain    gamma    timeout=200 ms    since=test    driver=console

Assertions Are Tried Again
    Write To Console    sleep 0.3; echo ready-$((1))    driver=console
    Get Console Text    contains    ready-1    since=test    driver=console
    Console Should Contain    ready-1    driver=console

Typing
    Write To Console    echo one; echo two    driver=console    echo=yes
    Console Should Contain    regexp:^two$    driver=console
    Write To Console    echo begun; sleep 100    driver=console
    Console Should Contain    regexp:^begun$    driver=console
    Send Control Character    c    driver=console
    Write To Console    echo three    driver=console    char_delay=2 ms
    Console Should Contain    regexp:^three$    driver=console
    Run Keyword And Expect Error
    ...    EQUALS:Driver 'console' cannot send a break: its exporter has no method 'send_break' for it.
    ...    Send Break    driver=console

Fifty Commands In Noise
    Run Command    ${NOISE}    driver=console
    VAR    ${messages} =    ${0}
    FOR    ${number}    IN RANGE    50
        ${result} =    Run Command    echo out ${number}; sh -c 'exit ${number}'    expect_status=${number}    driver=console
        Should Be Equal    ${result.stdout}    out ${number}
        ${messages} =    Evaluate    $messages + $result.kernel.count('noise')
    END
    ${result} =    Run Command    sleep 0.5; seq 1 2000    driver=console
    Should Be Equal    ${result.stdout}    ${{ '\n'.join(map(str, range(1, 2001))) }}
    ${messages} =    Evaluate    $messages + $result.kernel.count('noise')
    Should Be True    $messages > 10    Only ${messages} messages came meanwhile.
    [Teardown]    Run Command    kill %1; wait    expect_status=any    driver=console

A Megabyte
    ${result} =    Run Command
    ...    yes 0123456789abcde 2>/dev/null | head -n 65536    timeout=60 s    driver=console
    Length Should Be    ${result.stdout}    1048575

Output That Is No Text
    ${result} =    Run Command    head -c 20000 /dev/urandom; printf '\\033]0;x'    driver=console
    Should Be Equal    ${result.status}    ${0}
    Run Command    true    driver=console

Failing Patterns
    Register Failing Console Pattern    preset=linux    driver=console
    ${begin} =    Evaluate    time.monotonic()    modules=time
    Run Keyword And Expect Error
    ...    REGEXP:(?s)The device crashed while the end of command 'printf .*; sleep 100' was awaited: console 'console' said '\\[ +12\\.345678\\] Kernel panic - not syncing: no reason'.*
    ...    Run Command    printf '[%12.6f] Kernel %s - not syncing: no reason\\n' 12.345678 panic; sleep 100    driver=console
    ${end} =    Evaluate    time.monotonic()    modules=time
    Should Be True    $end - $begin < 4
    Unregister Failing Console Pattern    driver=console
    Run Command    true    driver=console

Logging In Again
    Write To Console    exit    driver=console
    Console Should Contain    login:    driver=console
    Run Keyword And Expect Error
    ...    EQUALS:The login of 'root' on console 'console' was refused: 'Login incorrect'. Check user and password.
    ...    Log In To Console    root    wrong    driver=console
    Log In To Console    root    secret    driver=console
    Log In To Console    root    secret    driver=console
    Write To Console    echo begun; sleep 1000    driver=console
    Console Should Contain    regexp:^begun$    driver=console
    Log In To Console    root    secret    driver=console

Transcripts
    Run Command    printf '\\001\\177\\n'    driver=console
    ${raw} =    Get Binary File    ${OUTPUT_DIR}/jumpstarter-artefacts/board/console.log
    Should Contain    ${raw}    ${{ b'\x01\x7f\r\n' }}
    ${timed} =    Get File    ${OUTPUT_DIR}/jumpstarter-artefacts/board/console.timed.log
    Should Contain    ${timed}    = mark test
    Should Match Regexp    ${timed}    (?m)^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} > echo
    Should Not Contain    ${timed}    > secret


*** Keywords ***
Log In
    Connect To Exporter    alias=board
    Write To Console    ${EMPTY}    driver=console
    Log In To Console    root    secret    driver=console

Log Out
    [Documentation]    Others use the same port, and find it as it was.
    Write To Console    exit    driver=console
    Console Should Contain    login:    driver=console
