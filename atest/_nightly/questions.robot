*** Settings ***
Documentation     Questions of real programs on a real console: BusyBox's login, sulogin and passwd in QEMU. A part of ``inv nightly``.

Library           JumpstarterLibrary    timeout=10 s
Resource          ../resources/boards.resource

Suite Setup       Log In On QEMU
Suite Teardown    Ensure Device State    off


*** Variables ***
${ASKS}     There is no login on console 'board.console': it asks
${REST}     which is not a login's question. Nothing was typed there. Answer it first, for example with Write To Console.
${WRONG}    swordfish


*** Test Cases ***
Sulogin
    Write To Console    sulogin
    Console Should Contain    normal startup):
    Device State Should Be    emergency
    Run Keyword And Expect Error
    ...    EQUALS:${ASKS} 'Give root password for system maintenance (or type Control-D for normal startup):', ${REST}
    ...    Log In To Console    root    ${WRONG}
    Send Control Character    d
    Write To Console    exit
    Log In To Console    root    ${SECRET}

New Password
    Write To Console    passwd
    Console Should Contain    New password:
    Run Keyword And Expect Error
    ...    EQUALS:Command 'true' was not run: console 'board.console' asks 'New password:'. Answer it first, for example with Write To Console.
    ...    Run Command    true
    Run Keyword And Expect Error    EQUALS:${ASKS} 'New password:', ${REST}    Log In To Console    root    ${WRONG}
    Send Control Character    c
    Run Command    true

Refused Login
    Write To Console    exit
    Run Keyword And Expect Error
    ...    EQUALS:The login of 'root' on console 'board.console' was refused: 'Login incorrect'. Check user and password.
    ...    Log In To Console    root    ${WRONG}
    Log In To Console    root    ${SECRET}

Slow Profile
    Run Command    echo 'echo Welcome; sleep 6; LOADED=yes' >> /etc/profile
    Write To Console    exit
    Log In To Console    root    ${SECRET}
    ${loaded} =    Run Command    echo $LOADED
    Should Be Equal    ${loaded.stdout}    yes


*** Keywords ***
Log In On QEMU
    Connect To Board    qemu-linux
    Set Device Credentials    root    ${SECRET}
    Ensure Device State    shell
