*** Settings ***
Documentation     Logging in from any state, and commands with output and status, on a virtual board.

Library           JumpstarterLibrary    mode=virtual    timeout=10 s
Resource          resources/exporters.resource

Suite Setup       Install Image
Suite Teardown    Power Off


*** Variables ***
${SECRET: Secret}    %{ATEST_PASSWORD=root}


*** Test Cases ***
Log In While The Board Boots
    Power On
    Log In To Console    root    ${SECRET}

Log In Where A User Is Logged In
    Log In To Console    root    ${SECRET}
    Run Command    true

Log In After Logging Out
    Write To Console    exit
    Log In To Console    root    ${SECRET}

Run Command Where No User Is Logged In
    Write To Console    exit
    Console Should Contain    login:
    Run Keyword And Expect Error
    ...    EQUALS:Command 'uname -r' was not run: console 'console' asks for a login ('hello login:'). Try Log In To Console first.
    ...    Run Command    uname -r
    Write To Console    root
    Console Should Contain    Password:
    Run Keyword And Expect Error
    ...    EQUALS:Command 'uname -r' was not run: console 'console' asks for a password ('Password:'). Try Log In To Console first.
    ...    Run Command    uname -r
    Log In To Console    root    ${SECRET}

Log In Behind A Prompt That Is Already Matched
    Power Cycle    off_time=0 s
    Console Should Contain    login:
    Log In To Console    root    ${SECRET}

Wrong Password
    Write To Console    exit
    Run Keyword And Expect Error
    ...    EQUALS:The login of 'root' on console 'console' was refused: 'Login incorrect'. Check user and password.
    ...    Log In To Console    root    wrong

No Password Given
    Run Keyword And Expect Error
    ...    EQUALS:Console 'console' asks for the password of 'root', and none was given. Give it with password=.
    ...    Log In To Console    root
    Log In To Console    root    ${SECRET}

Output And Status
    ${result} =    Run Command    echo hello; echo world
    Should Be Equal    ${result.stdout}    hello\nworld
    Should Be Equal    ${result.status}    ${0}
    ${result} =    Run Command    false    expect_status=1
    Should Be Empty    ${result.stdout}
    ${result} =    Run Command    no-such-command    expect_status=any
    Should Be Equal    ${result.status}    ${127}

Output Without A Line End
    ${result} =    Run Command    printf abc
    Should Be Equal    ${result.stdout}    abc

Command With Comment, Several Lines And Quotes
    ${result} =    Run Command    echo one \# not this
    Should Be Equal    ${result.stdout}    one
    ${result} =    Run Command    echo one\necho two
    Should Be Equal    ${result.stdout}    one\ntwo
    ${result} =    Run Command    echo "it's" 'a "quote"'
    Should Be Equal    ${result.stdout}    it's a "quote"

Shell State Lasts
    Run Command    NAME=jumpstarter
    ${result} =    Run Command    echo $NAME
    Should Be Equal    ${result.stdout}    jumpstarter

Unexpected Status
    Run Keyword And Expect Error
    ...    EQUALS:Command 'cat /nowhere' ended with status 1, not 0. It printed:\n${SPACE}${SPACE}cat: /nowhere: No such file or directory
    ...    Run Command    cat /nowhere
    Run Keyword And Expect Error
    ...    EQUALS:Command 'true' ended with status 0, not 3. It printed nothing.
    ...    Run Command    true    expect_status=3

Several Statuses
    FOR    ${expected}    IN    0, 1    1,0    !2    ! 0, 2    any    ${{ [1, 3] }}    ${{ {'1': 1}['1'] }}
        ${result} =    Run Command    false    expect_status=${expected}
        Should Be Equal    ${result.rc} ${result.stderr}    1${SPACE}
    END
    Run Keyword And Expect Error
    ...    EQUALS:Command 'false' ended with status 1, which is none of 0, 2. It printed nothing.
    ...    Run Command    false    expect_status=0, 2
    Run Keyword And Expect Error
    ...    EQUALS:Command 'true' ended with status 0, which it should not. It printed nothing.
    ...    Run Command    true    expect_status=!0
    Run Keyword And Expect Error
    ...    *must be a status such as 0, several such as 0, 2, any but one such as !0, or any, not 'ok'
    ...    Run Command    true    expect_status=ok

Command That Does Not End
    Run Keyword And Expect Error
    ...    EQUALS:Command 'echo begin; sleep 1000' did not finish within 500 milliseconds and was interrupted. It printed:\n${SPACE}${SPACE}begin
    ...    Run Command    echo begin; sleep 1000    timeout=0.5 s
    Run Command    true

Command That Is None
    Run Keyword And Expect Error
    ...    EQUALS:Command 'while' ended with status 2, not 0. It printed:\n${SPACE}${SPACE}sh: syntax error: 'while' is not simulated on the virtual board
    ...    Run Command    while
    Run Command    true

Empty Command
    Run Keyword And Expect Error
    ...    EQUALS:The command is empty. Give a shell command to run on the console.
    ...    Run Command    ${SPACE}

Long Command
    VAR    ${long} =    ${{ 'x' * 9000 }}
    ${result} =    Run Command    echo ${long}
    Should Be Equal    ${result.stdout}    ${long}
    Run Keyword And Expect Error
    ...    STARTS:Command '${{ 'x' * 497 }}...' ended with status 127, not 0. It printed:
    ...    Run Command    ${long}

Unfinished Command
    Run Keyword And Expect Error
    ...    EQUALS:Command 'echo 'open' ended with status 2, not 0. It printed:\n${SPACE}${SPACE}sh: syntax error: unexpected end of file
    ...    Run Command    echo 'open
    Run Command    true

Command That Ends The Shell
    Run Keyword And Expect Error
    ...    EQUALS:Command 'exit 3' ended the shell itself; console 'console' asks for a login again. In parentheses, a command ends no more than itself.
    ...    Run Command    exit 3
    Log In To Console    root    ${SECRET}
    Run Command    false    expect_status=${None}

Reboot And Log In Again
    Write To Console    reboot
    Console Should Contain    U-Boot
    Log In To Console    root    ${SECRET}

Power Cut While A Command Runs
    Write To Console    sleep 1000
    Console Should Contain    sleep 1000
    Power Off
    Console Should Not Contain    \#    within=200 ms
    Power On
    Log In To Console    root    ${SECRET}

Boot Loader Instead Of A System
    Power Cycle    off_time=0 s
    Console Should Contain    autoboot
    Write To Console    ${SPACE}    newline=no
    Console Should Contain    =>
    Run Keyword And Expect Error
    ...    EQUALS:There is no login on console 'console': a boot loader waits there with the prompt '=>'. Boot the system first, for example with Ensure Device State${SPACE * 4}shell.
    ...    Log In To Console    root    ${SECRET}
    Run Keyword And Expect Error
    ...    EQUALS:Command 'true' was not run: a boot loader waits on console 'console' ('=>'). Boot the system first, for example with Ensure Device State${SPACE * 4}shell.
    ...    Run Command    true
    Write To Console    boot
    Console Should Contain    Linux version
    Log In To Console    root    ${SECRET}

Commands In Evidence
    [Documentation]    Messages show a command as it was given, and the transcript what was typed to run it.
    Log In To Console    root    ${SECRET}
    Run Command    cat /nowhere    expect_status=1
    ${error} =    Run Keyword And Expect Error    No match for 'never'*
    ...    Console Should Contain    never    timeout=0.2 s    since=test_start
    Should Contain    ${error}    hello:~# cat /nowhere\n${SPACE * 2}cat: /nowhere: No such file or directory\n${SPACE * 2}root@hello:~#
    Should Not Contain    ${error}    JMP
    ${text} =    Get Console Text    since=test_start
    Should Contain    ${text}    command eval 'cat /nowhere'

Run Command While The System Goes Down
    [Documentation]    A boot loader would take what is typed then for the key that stops it.
    [Setup]    Log In To Console    root    ${SECRET}
    Write To Console    reboot
    # On a busy machine, the board may be up again before the command is to be typed.
    Run Keyword And Expect Error
    ...    REGEXP:Command 'hostname' was not run: console 'console' asks for a login \\('hello login:'\\)\\.( Before that, the system went down\\. The console said: 'The system is going down NOW!'\\.)? Try Log In To Console first\\.
    ...    Run Command    hostname
    Log In To Console    root    ${SECRET}
    Write To Console    poweroff
    Run Keyword And Expect Error
    ...    GLOB:Command 'hostname' was not run: console 'console' came to no shell within 3 seconds ('*').*Before that, the *
    ...    Run Command    hostname    timeout=3 s
    Power Cycle    off_time=0 s
    Log In To Console    root    ${SECRET}

No Image, No Boot
    Connect To Exporter    mode=virtual    alias=empty
    Power On
    Console Should Contain    =>
    [Teardown]    Disconnect    device=empty

Powered Off Board
    Power Off
    Run Keyword And Expect Error
    ...    EQUALS:No login on console 'console' within 500 milliseconds. The console was silent. Is the board powered on?
    ...    Log In To Console    root    ${SECRET}    timeout=0.5 s
    Run Keyword And Expect Error
    ...    EQUALS:Command 'true' found no shell on console 'console' within 300 milliseconds. The console was silent. If no user is logged in, try Log In To Console first.
    ...    Run Command    true    timeout=0.3 s


*** Keywords ***
Install Image
    Write Image    ${IMAGE}
