*** Settings ***
Documentation    Consoles that ask what only the user can answer, or at which no system waits: named at once, and nothing is typed.

Library          JumpstarterLibrary    timeout=5 s    timing=nudge_delay=0.1 s, unlock_timeout=0.2 s, prompt_settle=0.05 s
Resource         resources/exporters.resource

Suite Setup      Connect To Fresh Exporter    ${TALKATIVE}    board
Test Setup       Forget What Was Typed
Test Template    Question Should Be Named


*** Variables ***
${ANSWER}       Answer it first, for example with Write To Console.
${UNLOCK}       Answer it first, for example with Write To Console; where the board unlocks the disk by itself, give it more time with unlock_timeout of Timing.
${SWORDFISH}    swordfish


*** Test Cases ***
Password That Has Expired    Current password:    ${ANSWER}
First Boot    Create root password:    ${ANSWER}
One-Time Code    Verification code:    ${ANSWER}
Sudo    [sudo] password for me:    ${ANSWER}
SELinux    Would you like to enter a security context? [N]    ${ANSWER}
Disk Of Systemd    🔐 Please enter passphrase for disk root: (press TAB for no echo)    ${UNLOCK}
Sulogin
    [Template]    NONE
    Show On Console    Give root password for maintenance\n(or press Control-D to continue):${SPACE}
    Device State Should Be    emergency    driver=talker
    Run Keyword And Expect Error
    ...    EQUALS:There is no login on console 'talker': it asks 'Give root password for maintenance (or press Control-D to continue):', which is not a login's question. Nothing was typed there. ${ANSWER}
    ...    Log In To Console    root    ${SWORDFISH}    driver=talker
    Nothing Should Be Typed
Shells That Are Not The System
    [Template]    Other Shell Should Be Named
    (initramfs)    initramfs    the shell of initramfs-tools
    dracut:/\#    initramfs    the shell of dracut
    ONIE:/ \#    recovery    the shell of ONIE
Firmware Of Microcontrollers
    [Template]    Firmware Should Be Named
    uart:~$    Zephyr
    nsh>    NuttX
    esp32>    ESP-IDF
    >>>    MicroPython or Python
Enter Is Asked For
    [Template]    NONE
    Show On Console    Please press Enter to activate this console.${SPACE}
    Device State Should Be    press-enter    driver=talker
    Nothing Should Be Typed
Login Of A User's Own Words
    [Template]    NONE
    Set Device Credentials
    ...    admin
    ...    ${SWORDFISH}
    ...    login_prompt=Wer da?
    ...    password_prompt=regexp:^Losung *$
    ...    driver=talker
    Call Driver    talker    answer    admin    Losung${SPACE}
    Call Driver    talker    answer    ${SWORDFISH}    Account locked\nWer da?${SPACE}
    Show On Console    Wer da?${SPACE}
    Run Keyword And Expect Error
    ...    EQUALS:The login of 'admin' on console 'talker' was refused: 'Account locked'. Check user and password.
    ...    Log In To Console    admin    ${SWORDFISH}    driver=talker
    Lines Should Be    admin    ${SWORDFISH}


*** Keywords ***
Question Should Be Named
    [Arguments]    ${question}    ${hint}
    Show On Console    ${question}${SPACE}
    ${state} =    Get Device State    driver=talker
    Should Be Equal    ${state}    unknown
    Run Keyword And Expect Error
    ...    EQUALS:There is no login on console 'talker': it asks '${question}', which is not a login's question. Nothing was typed there. ${hint}
    ...    Log In To Console    root    ${SWORDFISH}    driver=talker
    Run Keyword And Expect Error
    ...    EQUALS:Command 'uname' was not run: console 'talker' asks '${question}'. ${hint}
    ...    Run Command    uname    driver=talker
    Nothing Should Be Typed

Other Shell Should Be Named
    [Arguments]    ${prompt}    ${state}    ${shell}
    Show On Console    ${prompt}${SPACE}
    Device State Should Be    ${state}    driver=talker
    Run Keyword And Expect Error
    ...    EQUALS:There is no login on console 'talker': ${shell} waits there ('${prompt}'), which is not the system. Boot the system first, for example with Ensure Device State${SPACE * 4}shell.
    ...    Log In To Console    root    ${SWORDFISH}    driver=talker
    Nothing Should Be Typed

Firmware Should Be Named
    [Arguments]    ${prompt}    ${name}
    Show On Console    ${prompt}${SPACE}
    Device State Should Be    mcu-shell    driver=talker
    Run Keyword And Expect Error
    ...    EQUALS:Command 'uname' was not run: the command prompt of ${name} waits on console 'talker' ('${prompt}'), which is no POSIX shell. Type there with Write To Console, and look at what it answers with Console Should Contain.
    ...    Run Command    uname    driver=talker
    Run Keyword And Expect Error
    ...    STARTS:No way leads from state 'mcu-shell' (the command prompt of ${name} waits there with '${prompt}') to 'shell' on console 'talker'.
    ...    Ensure Device State    shell    driver=talker
    Nothing Should Be Typed

Show On Console
    [Documentation]    Lets the console show something below a line of its own, and waits for it.
    [Arguments]    ${text}
    Call Driver    talker    say    \nshown\n${text}
    Console Should Contain    shown\n${{ $text.rstrip() }}    driver=talker

Nothing Should Be Typed
    Lines Should Be
    ${typed} =    Call Driver    talker    typed
    Should Be Empty    ${typed}

Lines Should Be
    [Arguments]    @{expected}
    Send Control Character    f    driver=talker
    Call Driver    talker    arrived
    ${lines} =    Call Driver    talker    lines
    Should Be Equal    ${lines}    ${expected}

Forget What Was Typed
    Send Control Character    f    driver=talker
    Call Driver    talker    arrived
    Call Driver    talker    typed
    Call Driver    talker    lines
