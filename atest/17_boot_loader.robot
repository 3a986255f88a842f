*** Settings ***
Documentation     U-Boot: stopping the boot, commands with output and status, variables, and on from there.
...
...               Runs on every board with U-Boot: --variable BOARD:qemu-uboot

Library           Collections
Library           JumpstarterLibrary    timeout=10 s
Resource          resources/boards.resource

Suite Setup       Connect To Board    ${BOARD}
Suite Teardown    Power Off
Test Setup        Interrupt Boot


*** Variables ***
${BOARD}    virtual


*** Test Cases ***
From Power Off To The Prompt
    [Setup]    Power Off
    ${seconds} =    Interrupt Boot
    Should Be True    ${seconds} < 5
    ${text} =    Get Console Text    since=power_on
    Should Contain    ${text}    ${FACTS.banner}
    Run U-Boot Command    version

Prompt That Waits Is Taken
    Power Cycle    off_time=0.1 s
    Interrupt Boot
    ${before} =    Get Console Text    since=power_on
    Interrupt Boot
    ${after} =    Get Console Text    since=power_on
    Should Be Equal    ${before.count('autoboot')} ${after.count('autoboot')}    1 1

Text That Was Typed Before Is Forgotten
    Set U-Boot Variable    marker    first
    Write To Console    setenv marker second    newline=no
    Interrupt Boot
    ${marker} =    Get U-Boot Variable    marker
    Should Be Equal    ${marker}    first
    Write To Console    setenv marker second
    ${marker} =    Get U-Boot Variable    marker
    Should Be Equal    ${marker}    second

Nothing Is Repeated
    Set U-Boot Variable    count    x
    Run U-Boot Command    setenv count \${count}x
    Interrupt Boot
    Interrupt Boot
    ${count} =    Get U-Boot Variable    count
    Should Be Equal    ${count}    xx
    Run U-Boot Command    setenv count \${count}x
    ${count} =    Get U-Boot Variable    count
    Should Be Equal    ${count}    xxx

Other Keys
    [Template]    Key Should Stop The Boot
    key=esc
    key=ctrl-c
    key=x    interval=20 ms
    key=space    pattern=Hit any key to stop autoboot
    key=enter    pattern=regexp:autoboot: +\\d+

Key From The Beginning
    Power Cycle    off_time=0.1 s
    Interrupt Boot    pattern=${EMPTY}
    Run U-Boot Command    version

Key That Never Comes
    Power Cycle    off_time=0.1 s
    Run Keyword And Expect Error
    ...    STARTS:The boot on console 'board.console' was not stopped within 500 milliseconds. There was no prompt '=>'. It never said 'Press the red button', so that no key was pressed. The last lines were:
    ...    Interrupt Boot    pattern=Press the red button    timeout=0.5 s
    Interrupt Boot    timeout=20 s

Prompt That Is Another
    Power Cycle    off_time=0.1 s
    Run Keyword And Expect Error
    ...    REGEXP:(?s)The boot on console 'board.console' was not stopped within 5 seconds\\. The boot loader U-Boot waits with the prompt '=>', and the prompt that is set for the board is 'board>'\\. The last lines were:\n.*autoboot.*\nIf it is a boot loader, set its prompt: .*
    ...    Interrupt Boot    prompt=board>    timeout=5 s
    Run Keyword And Expect Error
    ...    STARTS:There is no U-Boot prompt 'board>' on console 'board.console' within 300 milliseconds.
    ...    Run U-Boot Command    version    timeout=0.3 s
    [Teardown]    Interrupt Boot    prompt==>

Keys And Patterns That Cannot Be
    Run Keyword And Expect Error
    ...    EQUALS:An empty key cannot be pressed. Give a name such as space, esc or ctrl-c, or a text.
    ...    Interrupt Boot    key=${EMPTY}
    Run Keyword And Expect Error
    ...    EQUALS:'(' is not a valid regular expression: missing ), unterminated subpattern at position 0.
    ...    Interrupt Boot    pattern=regexp:(

Output And Status
    ${result} =    Run U-Boot Command    echo hello; echo world
    Should Be Equal    ${result.stdout}    hello\nworld
    Should Be Equal    ${result.status}    ${0}
    Should Be True    0 < ${result.duration} < 5
    ${result} =    Run U-Boot Command    false    expect_status=1
    Should Be Empty    ${result.stdout}
    ${result} =    Run U-Boot Command    false    expect_status=${None}
    Should Be Equal As Integers    ${result.status}    1
    ${result} =    Run U-Boot Command    frobnicate    expect_status=any
    Should Be Equal    ${result.stdout} (${result.status})    Unknown command 'frobnicate' - try 'help' (1)

Output That Looks Like A Prompt
    ${result} =    Run U-Boot Command    echo =>
    Should Be Equal    ${result.stdout}    =>
    ${result} =    Run U-Boot Command    echo => ; echo more; false    expect_status=1
    Should Be Equal    ${result.stdout}    =>\nmore
    ${result} =    Run U-Boot Command    echo => ; sleep 1; echo late
    Should Be Equal    ${result.stdout}    =>\nlate

Unexpected Status
    Run Keyword And Expect Error
    ...    EQUALS:U-Boot's command 'frobnicate' ended with status 1, not 0. It printed:\n${SPACE}${SPACE}Unknown command 'frobnicate' - try 'help'
    ...    Run U-Boot Command    frobnicate
    Run Keyword And Expect Error
    ...    EQUALS:U-Boot's command 'true' ended with status 0, not 3. It printed nothing.
    ...    Run U-Boot Command    true    expect_status=3

Many Commands In A Row
    FOR    ${number}    IN RANGE    30
        ${last}    ${status} =    Set Variable If    ${number} % 3    ${{ ['true', 0] }}    ${{ ['false', 1] }}
        ${result} =    Run U-Boot Command    echo number ${number}; ${last}    expect_status=${status}
        Should Be Equal    ${result.stdout}    number ${number}
    END

Long Output
    ${result} =    Run U-Boot Command    printenv
    Should Match Regexp    ${result.stdout}    (?s)^arch=.*\nbootdelay=.*\nEnvironment size: \\d+/\\d+ bytes$
    ${result} =    Run U-Boot Command    help
    Should Contain    ${result.stdout}    printenv
    Should Not Contain    ${result.stdout}    =>

Command That Does Not End
    Run Keyword And Expect Error
    ...    EQUALS:U-Boot's command 'sleep 100' did not finish within 500 milliseconds and was interrupted. The console was silent.
    ...    Run U-Boot Command    sleep 100    timeout=0.5 s
    ${result} =    Run U-Boot Command    echo alive
    Should Be Equal    ${result.stdout}    alive

Command That Restarts The Board
    Run Keyword And Expect Error
    ...    EQUALS:The board restarted while U-Boot ran command 'reset': it said 'resetting ...'. To start something that does not come back, use Boot From U-Boot.
    ...    Run U-Boot Command    reset
    Interrupt Boot

Failing Line Before The Prompt
    [Documentation]    The prompt behind it is the library's own to wait for, not what the test has asked for.
    Register Failing Console Pattern    regexp:^ERROR: .*sensor
    FOR    ${text}    IN    all is well    it still is
        Run Keyword And Expect Error    STARTS:The device crashed    Run U-Boot Command    echo ERROR: bad sensor
        Run U-Boot Command    echo ${text}
    END
    Run Keyword And Expect Error
    ...    STARTS:The device crashed
    ...    Run U-Boot Command    echo ERROR: bad sensor; echo more
    [Teardown]    Unregister Failing Console Pattern

Reset That The Test Has Typed
    [Documentation]    It is no crash; one that comes by itself is.
    Register Failing Console Pattern    u-boot
    Write To Console    reset
    Interrupt Boot    timeout=30 s
    Run U-Boot Command    echo all is well
    Run Keyword And Expect Error
    ...    STARTS:The device crashed
    ...    Run U-Boot Command    echo resetting ...
    [Teardown]    Unregister Failing Console Pattern

Commands That Cannot Be
    Run Keyword And Expect Error
    ...    EQUALS:The command is empty, and U-Boot would repeat the last one. Give a command.
    ...    Run U-Boot Command    ${SPACE}
    Run Keyword And Expect Error
    ...    EQUALS:The command has the control character '\\n', which U-Boot would take for a key. Give one line of text.
    ...    Run U-Boot Command    echo one\necho two

Command That Is Too Long
    ${long} =    Evaluate    'x' * 5000
    Run Keyword And Expect Error
    ...    REGEXP:U-Boot took only \\d+ of the 5012 characters of 'setenv long x{65}\\.\\.\\.', which was not run\\. Its lines are no longer than that \\(CONFIG_SYS_CBSIZE\\)\\. Split it, for example with variables\\.
    ...    Run U-Boot Command    setenv long ${long}
    ${value} =    Get U-Boot Variable    long
    Should Be Equal    ${value}    ${None}

No Prompt
    [Setup]    Power Off
    Run Keyword And Expect Error
    ...    EQUALS:There is no U-Boot prompt '=>' on console 'board.console' within 300 milliseconds. The console was silent. Stop the boot first, for example with Interrupt Boot.
    ...    Run U-Boot Command    version    timeout=0.3 s
    VAR    ${message} =    STARTS:There is no U-Boot prompt '=>' on console 'board.console' within 300 milliseconds.
    Run Keyword And Expect Error    ${message}    Get U-Boot Variable    bootdelay    timeout=0.3 s
    Run Keyword And Expect Error    ${message}    Set U-Boot Variable    bootdelay    1    timeout=0.3 s
    Run Keyword And Expect Error    ${message}    Boot From U-Boot    timeout=0.3 s
    Run Keyword And Expect Error    ${message}    U-Boot DHCP    timeout=0.3 s

Variables Keep What They Are Given
    [Template]    Variable Should Survive
    plain
    two words
    ${SPACE}${SPACE}leading, and trailing${SPACE}
    it's "quoted"
    back\\slash, \\\\two, \\'
    run \${bootcmd}; false && true | \# no comment
    *? [x] ~ ! {a,b} $? $(x) `y`
    Größe: 10 µs
    name=value

Variable That Is Not There
    ${value} =    Get U-Boot Variable    no_such_variable
    Should Be Equal    ${value}    ${None}

Variable Is Deleted
    Set U-Boot Variable    greeting    hello
    Set U-Boot Variable    greeting
    ${value} =    Get U-Boot Variable    greeting
    Should Be Equal    ${value}    ${None}
    Set U-Boot Variable    greeting    hello
    Set U-Boot Variable    greeting    ${EMPTY}
    ${value} =    Get U-Boot Variable    greeting
    Should Be Equal    ${value}    ${None}

Variable Is Checked
    Set U-Boot Variable    greeting    hello
    Get U-Boot Variable    greeting    ==    hello
    Get U-Boot Variable    no_such_variable    ==    ${None}
    Run Keyword And Expect Error
    ...    EQUALS:U-Boot's variable 'greeting' 'hello' (str) should contain 'bye' (str)
    ...    Get U-Boot Variable    greeting    contains    bye
    Run Keyword And Expect Error
    ...    EQUALS:Rude: U-Boot's variable 'greeting' 'hello' (str) should not be 'hello' (str)
    ...    Get U-Boot Variable    greeting    !=    hello    message=Rude

Variables That Cannot Be
    VAR    ${message} =
    ...    EQUALS:'a b' is no name of a U-Boot variable. Give one without blanks, control characters, quotes, '=', ';' or '$'.
    Run Keyword And Expect Error    ${message}    Set U-Boot Variable    a b    c
    Run Keyword And Expect Error    ${message}    Get U-Boot Variable    a b
    Run Keyword And Expect Error
    ...    STARTS:'x\\x03' is no name of a U-Boot variable.
    ...    Set U-Boot Variable    x\x03    c
    Run Keyword And Expect Error
    ...    EQUALS:The value of U-Boot's variable 'lines' has the control character '\\n', which cannot be typed. Give one line of text.
    ...    Set U-Boot Variable    lines    one\ntwo

Address By DHCP
    Set U-Boot Variable    autoload    perhaps
    ${network} =    U-Boot DHCP
    Should Be Equal    ${network.address}    ${FACTS.address}
    Should Match Regexp    ${network.gateway} ${network.netmask}    ^[\\d.]+ 255\\.255\\.255\\.0$
    ${autoload} =    Get U-Boot Variable    autoload
    Should Be Equal    ${autoload}    perhaps

Boot Until Something Is Said
    ${match} =    Boot From U-Boot    reset    pattern=regexp:U-Boot (?P<version>20[\\d.]+)
    Should Match Regexp    ${match.groups}[version]    ^20\\d\\d\\.\\d\\d
    Interrupt Boot

Boot That Comes Back
    Run Keyword And Expect Error
    ...    STARTS:U-Boot came back to its prompt from 'false'. The last lines were:
    ...    Boot From U-Boot    false
    Run Keyword And Expect Error
    ...    STARTS:U-Boot came back to its prompt from 'echo no system'. The last lines were:\n${SPACE}${SPACE}\n${SPACE}${SPACE}no system
    ...    Boot From U-Boot    echo no system    pattern=Linux version
    Run Keyword And Expect Error
    ...    EQUALS:U-Boot's command 'false' ended with status 1, not 0. It printed nothing.
    ...    Boot From U-Boot    false    boot

Boot That Takes Too Long
    Run Keyword And Expect Error
    ...    EQUALS:There was no sign of a login or a shell on console 'board.console' within 400 milliseconds. The console was silent.
    ...    Boot From U-Boot    sleep 100    timeout=400 ms
    Write To Console    \x03    newline=no


*** Keywords ***
Key Should Stop The Boot
    [Arguments]    &{options}
    Power Cycle    off_time=0.1 s
    Interrupt Boot    &{options}
    Run U-Boot Command    version

Variable Should Survive
    [Arguments]    ${value}
    Set U-Boot Variable    awkward    ${value}
    ${got} =    Get U-Boot Variable    awkward
    Should Be Equal    ${got}    ${value}
