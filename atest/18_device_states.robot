*** Settings ***
Documentation     The states of a device: looked for, known, lost by themselves, and brought about.
...
...               Runs on every board that starts a system: --variable BOARD:qemu-linux

Library           Collections
Library           JumpstarterLibrary    timeout=20 s
Library           libraries/Steps.py
Resource          resources/boards.resource

Suite Setup       Connect And Set Credentials
Suite Teardown    Ensure Device State    off


*** Variables ***
${BOARD}     virtual
${CAUSE}     State 'login' was not reached from 'bootloader': U-Boot came back to its prompt from 'echo no system'.
${BROKEN}    REGEXP:(?s)State 'login' was not tried again, because it broke at \\d\\d:\\d\\d:\\d\\d\\. ${CAUSE} Power-cycle the board, or use Forget Device Failures, to try it again\\.


*** Test Cases ***
From Power Off To The Boot Loader
    Ensure Device State    off
    ${steps} =    Ensure Device State    bootloader
    Steps Should Be    ${steps}    off > bootloader
    Should Be True    0 < ${steps[0].seconds} < 8
    Device State Should Be    Bootloader
    Run U-Boot Command    version

From The Boot Loader To A Shell
    Ensure Device State    bootloader
    ${steps} =    Ensure Device State    shell
    Steps Should Be    ${steps}    bootloader > login    login > shell
    Device State Should Be    shell
    Run Command    true

Where It Is Already
    Ensure Device State    shell
    ${steps} =    Ensure Device State    shell
    Steps Should Be    ${steps}

Log Out And In
    Ensure Device State    shell
    ${steps} =    Ensure Device State    login
    Steps Should Be    ${steps}    shell > login
    Device State Should Be    login
    ${steps} =    Ensure Device State    shell
    Steps Should Be    ${steps}    login > shell

Text That Was Typed Before Is Not Run
    Ensure Device State    shell
    Run Command    echo kept > /tmp/kept
    Write To Console    echo lost > /tmp/kept    newline=no
    Device State Should Be    shell
    ${kept} =    Run Command    cat /tmp/kept
    Should Be Equal    ${kept.stdout}    kept

Text That Was Typed Before Does Not Log In
    Ensure Device State    shell
    Write To Console    exit
    Console Should Contain    login:
    Write To Console    some    newline=no
    ${state} =    Get Device State
    Should Be Equal    ${state}    login

Another State Than It Should Be
    Ensure Device State    login
    Run Keyword And Expect Error
    ...    STARTS:The state of the board on console 'board.console' should be 'shell', and is 'login'. The last lines were:
    ...    Device State Should Be    shell
    Run Keyword And Expect Error
    ...    STARTS:No user logged out: The state of the board on console 'board.console' should be 'bootloader', and is 'login'.
    ...    Device State Should Be    bootloader    message=No user logged out

Wrong Password Is Tried Once
    Ensure Device State    login
    VAR    ${cause} =
    ...    State 'shell' was not reached from 'login': The login of 'root' on console 'board.console' was refused: 'Login incorrect'. Check user and password.
    Run Keyword And Expect Error    EQUALS:${cause}    Ensure Device State    shell    password=wrong
    Run Keyword And Expect Error
    ...    REGEXP:State 'shell' was not tried again, because it broke at \\d\\d:\\d\\d:\\d\\d\\. ${cause} Power-cycle the board, or use Forget Device Failures, to try it again\\.
    ...    Ensure Device State    shell    password=wrong
    Ensure Device State    shell    user=root    password=${SECRET}

Back To The Boot Loader
    Ensure Device State    shell
    ${steps} =    Ensure Device State    bootloader
    Steps Should Be    ${steps}    shell > off    off > bootloader
    ${steps} =    Ensure Device State    shell
    Steps Should Be    ${steps}    bootloader > login    login > shell

State Is Lost With A Restart
    Ensure Device State    shell
    Known State Should Be    shell
    Run Command    true
    Known State Should Be    shell
    Write To Console    reboot
    Console Should Contain    ${FACTS.banner}
    Known State Should Be    unknown

Board That Starts Is Not Started Again
    Power Cycle    off_time=0.1 s
    Console Should Contain    stop autoboot
    ${steps} =    Ensure Device State    bootloader
    Steps Should Be    ${steps}    unknown > bootloader

State Is Lost With A Panic
    [Tags]    panic
    Ensure Device State    shell
    Write To Console    echo c > /proc/sysrq-trigger
    Console Should Contain    Kernel panic
    Known State Should Be    unknown
    Run Keyword And Expect Error
    ...    STARTS:The state of the board on console 'board.console' should be 'shell', and is unknown: its kernel has panicked.
    ...    Device State Should Be    shell
    ${steps} =    Ensure Device State    bootloader
    Steps Should Be    ${steps}    unknown > off    off > bootloader

State Is Lost With A Power Action
    Ensure Device State    bootloader
    Known State Should Be    bootloader
    Power Cycle    off_time=0.1 s
    Known State Should Be    unknown
    Interrupt Boot
    Known State Should Be    unknown
    Device State Should Be    bootloader
    Known State Should Be    bootloader

Switched By Hand
    Power Off
    Device State Should Be    off
    Power On
    Console Should Contain    autoboot
    Interrupt Boot
    Device State Should Be    bootloader
    Power Off
    ${state} =    Get Device State
    Should Be Equal    ${state}    off

Looking Does Not Stop The Boot
    Power Cycle    off_time=0.1 s
    Console Should Contain    stop autoboot
    ${state} =    Get Device State
    Should Be Equal    ${state}    unknown
    Known State Should Be    unknown
    # It counts to the end, and goes on.
    Console Should Contain    regexp:autoboot:.* 0 *$    since=power_on
    [Teardown]    Power Off

State Is Checked
    Ensure Device State    bootloader
    Get Device State    ==    bootloader
    Get Device State    !=    bootloader2    look=no
    Run Keyword And Expect Error
    ...    EQUALS:The state of the board on console 'board.console' 'bootloader' (str) should match 'login|shell' (str)
    ...    Get Device State    matches    login|shell

Off
    Ensure Device State    bootloader
    ${steps} =    Ensure Device State    off
    Steps Should Be    ${steps}    bootloader > off
    Device State Should Be    off
    ${steps} =    Ensure Device State    off
    Steps Should Be    ${steps}
    Run Keyword And Expect Error
    ...    EQUALS:The state of the board on console 'board.console' should be 'shell', and is 'off'. The console was silent.
    ...    Device State Should Be    shell

State That Broke Is Not Tried Again
    [Setup]    Break The Login
    Run Keyword And Expect Error    ${BROKEN}    Ensure Device State    shell
    Run Keyword And Expect Error    ${BROKEN}    Ensure Device State    login
    Run Keyword And Expect Error    ${BROKEN}    Device State Should Be    login
    # Others are, and switching it off is no power cycle yet.
    Device State Should Be    bootloader
    Ensure Device State    off
    Run Keyword And Expect Error    ${BROKEN}    Ensure Device State    shell
    [Teardown]    Mend The Login

Power Cycle Ends It
    [Setup]    Break The Login
    Power Cycle    off_time=0.1 s
    Interrupt Boot
    Run Keyword And Expect Error    STARTS:${CAUSE}    Ensure Device State    shell
    # So does one on the way to a state that is reached.
    Ensure Device State    off
    Ensure Device State    bootloader
    Run Keyword And Expect Error    STARTS:${CAUSE}    Ensure Device State    login
    [Teardown]    Mend The Login

Forgetting Ends It
    [Setup]    Break The Login
    Forget Device Failures
    Run Keyword And Expect Error    STARTS:${CAUSE}    Ensure Device State    shell
    Run Keyword And Expect Error    ${BROKEN}    Ensure Device State    shell
    [Teardown]    Mend The Login

State That Does Not Exist
    VAR    ${message} =
    ...    EQUALS:There is no state 'shel', only off, bootloader, login, shell, press-enter, initramfs, emergency, recovery, mcu-shell. See Load Device States.
    Run Keyword And Expect Error    ${message}    Ensure Device State    shel
    Run Keyword And Expect Error    ${message}    Device State Should Be    shel


*** Keywords ***
Connect And Set Credentials
    Connect To Board    ${BOARD}
    Set Device Credentials    root    ${SECRET}

Break The Login
    [Documentation]    Lets U-Boot start nothing, and the first try fail.
    Ensure Device State    bootloader
    ${settings} =    Write Board Settings    ${BOARD}    boot=${{ ['echo no system'] }}
    Load Device States    ${settings}
    Run Keyword And Expect Error    STARTS:${CAUSE}    Ensure Device State    shell

Mend The Login
    ${settings} =    Write Board Settings    ${BOARD}    boot=${{ list($FACTS.boot) }}
    Load Device States    ${settings}
    Forget Device Failures

Known State Should Be
    [Documentation]    Does not look at the device.
    [Arguments]    ${expected}
    ${state} =    Get Device State    look=no
    Should Be Equal    ${state}    ${expected}
