*** Settings ***
Documentation     Commands on a noisy console: exactly what they print, and their status, also among messages of the kernel.

Library           Collections
Library           JumpstarterLibrary    timeout=10 s
Resource          resources/exporters.resource

Suite Setup       Log In On A Noisy Board
Suite Teardown    Disconnect


*** Variables ***
${NOISY}       ${CURDIR}/resources/noisy.yaml
${COMMANDS}    %{ATEST_COMMANDS=20}


*** Test Cases ***
What Dmesg Prints Is Output
    [Documentation]    The first test: the board forgets its oldest messages.
    ${result} =    Run Command    dmesg | head -n 3
    Should Match Regexp    ${result.stdout}    (?m)^\\[ +0\\.000000\\] Linux version
    ${lines} =    Evaluate    $result.stdout.splitlines()
    Length Should Be    ${lines}    3

Many Commands
    VAR    ${noise} =    ${0}
    FOR    ${number}    IN RANGE    ${COMMANDS}
        ${result} =    Run Command    echo one ${number}; sleep 0.1; printf two; sh -c 'exit ${number}'    expect_status=${number}
        Should Be Equal    ${result.stdout}    one ${number}\ntwo
        ${noise} =    Evaluate    $noise + len($result.kernel.splitlines())
    END
    Should Be True    $noise >= int($COMMANDS)    Only ${noise} messages of the kernel came meanwhile.

Messages Are Kept Apart
    ${result} =    Run Command    sleep 2; echo finished
    Should Be Equal    ${result.stdout}    finished
    Should Match Regexp    ${result.kernel}    ^\\[ *\\d+\\.\\d{6}\\] \\S
    Should Not Contain    ${result.kernel}    finished

Much Output
    ${result} =    Run Command    seq 1 20000
    Should Be Equal    ${result.stdout}    ${{ '\n'.join(map(str, range(1, 20001))) }}

A Command That Restarts The Board
    Run Command    reboot    expect_status=restart
    Log In To Console    root    root
    Run Command    true
    Run Keyword And Expect Error
    ...    EQUALS:Command 'true' ended with status 0, but no restart followed in 500 milliseconds.
    ...    Run Command    true    expect_status=restart    timeout=0.5 s

An Unexpected Restart
    Run Keyword And Expect Error
    ...    REGEXP:Command 'reboot; sleep 1000' did not end: the board restarted\\. The console said: 'U-Boot .*'\\. Where that is meant, say so with expect_status=restart\\.
    ...    Run Command    reboot; sleep 1000
    Log In To Console    root    root

A Command That Prints A Saved Panic
    [Documentation]    What a command prints and closes with its status is no crash, and what comes behind it is one.
    Register Failing Console Pattern    preset=linux
    VAR    ${panic} =    [${SPACE * 3}0.500000] Kernel panic - not syncing: of the boot before
    ${result} =    Run Command    printf '%s panic - not syncing: of the boot before\\n' '[${SPACE * 3}0.500000] Kernel'
    Should Be Equal    ${result.stdout}    ${panic}
    Run Command    true
    Unregister Failing Console Pattern

A Command That Panics
    Register Failing Console Pattern    preset=linux
    ${begin} =    Evaluate    time.monotonic()    modules=time
    Run Keyword And Expect Error
    ...    REGEXP:(?s)The device crashed while the end of command 'echo c > /proc/sysrq-trigger' was awaited: console 'board\\.console' said '\\[.*\\] Kernel panic - not syncing: sysrq triggered crash' .*Call trace:.*
    ...    Run Command    echo c > /proc/sysrq-trigger
    ${end} =    Evaluate    time.monotonic()    modules=time
    Should Be True    $end - $begin < 4
    Unregister Failing Console Pattern
    Power Cycle    off_time=0 s
    Log In To Console    root    root

Characters That Cannot Be Typed
    Run Keyword And Expect Error
    ...    EQUALS:The command holds the control character '\\t', which a shell's line editor would act on. Let printf make it on the device, or write the command to a file there.
    ...    Run Command    echo a\tb

No User Is Logged In
    Write To Console    exit
    Console Should Contain    login:
    Run Keyword And Expect Error
    ...    EQUALS:Command 'true' was not run: console 'board.console' asks for a login ('virtual login:'). Try Log In To Console first.
    ...    Run Command    true
    Log In To Console    root    root

Left In A Running Program
    Write To Console    sleep 100000
    Log In To Console    root    root
    Run Command    true

Left In A Quote
    Write To Console    echo 'never closed
    Log In To Console    root    root
    Run Command    true


*** Keywords ***
Log In On A Noisy Board
    Connect To Fresh Exporter    ${NOISY}
    Power On
    Log In To Console    root    root
