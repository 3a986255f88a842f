*** Settings ***
Documentation    Input that arrives whole: a line is looked at as it comes back, before it is executed.

Library          JumpstarterLibrary    timeout=5 s
Resource         resources/exporters.resource

Suite Setup      Connect To Fresh Exporter    ${TALKATIVE}    board
Test Setup       Forget What Was Typed


*** Variables ***
${ERASE}    \x15


*** Test Cases ***
A Line Arrives Whole
    Write To Console    reboot    driver=talker
    Lines Should Be    reboot

A Line That Loses Its First Character Is Typed Again
    Call Driver    talker    lose    ${2}
    Write To Console    reboot    driver=talker
    Lines Should Be    reboot
    ${typed} =    Call Driver    talker    typed
    Should Be Equal    ${typed}    reboot${ERASE}reboot${ERASE}reboot\n

A Line That Never Arrives Whole
    Call Driver    talker    lose    ${9}
    Run Keyword And Expect Error
    ...    EQUALS:'reboot' was typed 4 times on console 'talker' and did not come back whole, but as 'eboot'. The line was erased, nothing was done. Type slower with char_delay=, or do not look at the echo.
    ...    Write To Console    reboot    driver=talker
    Lines Should Be

Once Is Once
    Call Driver    talker    lose    ${1}
    Run Keyword And Expect Error
    ...    EQUALS:'reboot' was typed once on console 'talker' and did not come back whole, but as 'eboot'. The line was erased, nothing was done. Type slower with char_delay=, or do not look at the echo.
    ...    Write To Console    reboot    once=yes    driver=talker
    Lines Should Be
    Write To Console    reboot    once=yes    driver=talker
    Lines Should Be    reboot

Without A Look At The Echo
    Call Driver    talker    lose    ${1}
    Write To Console    reboot    echo=no    driver=talker
    Lines Should Be    eboot

Where Nothing Comes Back
    Call Driver    talker    set_echo    ${False}
    Write To Console    swordfish    driver=talker
    Lines Should Be    swordfish
    Run Keyword And Expect Error
    ...    EQUALS:'reboot' was typed 4 times on console 'talker' and did not come back whole, but as ''. The line was erased, nothing was done. Type slower with char_delay=, or do not look at the echo.
    ...    Write To Console    reboot    echo=yes    driver=talker
    [Teardown]    Call Driver    talker    set_echo    ${True}

Several Lines
    Write To Console    one\ntwo\n\nthree    driver=talker
    Lines Should Be    one    two    ${EMPTY}    three

Slowly
    ${begin} =    Evaluate    time.monotonic()    modules=time
    Write To Console    slowly    char_delay=50 ms    driver=talker
    ${end} =    Evaluate    time.monotonic()    modules=time
    Should Be True    $end - $begin > 0.25
    Lines Should Be    slowly

Control Characters
    Write To Console    half    newline=no    driver=talker
    Send Control Character    [    driver=talker
    Send Control Character    c    driver=talker
    Console Should Contain    half\x1b\x03    driver=talker
    Run Keyword And Expect Error
    ...    EQUALS:There is no control character 'cc'. Give the key that is pressed with Ctrl: one letter, or one of @ [ \\ ] ^ _ ?.
    ...    Send Control Character    cc    driver=talker

A Break
    Send Break    driver=breaker
    Send Break    1.5 s    driver=breaker
    ${breaks} =    Call Driver    breaker    sent_breaks
    Should Be Equal    ${breaks}    ${{ [0.25, 1.5] }}
    Run Keyword And Expect Error
    ...    EQUALS:Driver 'talker' cannot send a break: its exporter has no method 'send_break' for it.
    ...    Send Break    driver=talker

Echo That Does Not Exist
    Run Keyword And Expect Error
    ...    ValueError: Argument 'echo' got value 'maybe' that cannot be converted to Echo: *
    ...    Write To Console    x    echo=maybe    driver=talker


*** Keywords ***
Forget What Was Typed
    Write To Console    ${EMPTY}    driver=talker
    Everything Should Arrive
    Call Driver    talker    typed
    Call Driver    talker    lines
    Call Driver    talker    lose    ${0}

Lines Should Be
    [Arguments]    @{expected}
    Everything Should Arrive
    ${lines} =    Call Driver    talker    lines
    Should Be Equal    ${lines}    ${expected}

Everything Should Arrive
    Send Control Character    f    driver=talker
    Call Driver    talker    arrived
