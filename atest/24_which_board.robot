*** Settings ***
Documentation    Where there are several devices, messages name the one that they are about.

Library          JumpstarterLibrary    mode=virtual    timeout=0.2 s

Suite Setup      Acquire Devices    left=number=1    right=number=2    scope=suite


*** Variables ***
${LEFT}     'left' (exporter 'virtual-1')
${RIGHT}    'right' (exporter 'virtual-2')


*** Test Cases ***
Console Waits
    FOR    ${alias}    ${board}    IN    left    ${LEFT}    right    ${RIGHT}
        Run Keyword And Expect Error
        ...    EQUALS:No match for 'login:' on console 'console' of ${board} in 200 milliseconds. The console was silent since it was opened.
        ...    Console Should Contain    login:    device=${alias}
    END

Console Text And Marks
    Run Keyword And Expect Error
    ...    STARTS:The text of console 'console' of ${RIGHT} should be 'x', and did not within 200 milliseconds.
    ...    Get Console Text    ==    x    device=right
    Run Keyword And Expect Error
    ...    STARTS:Console 'console' of ${LEFT} has no mark 'nowhere'.
    ...    Console Should Contain    x    since=nowhere    device=left

Driver Calls
    Run Keyword And Expect Error
    ...    STARTS:Driver 'power' of ${LEFT} has no unary method 'nothing': VirtualPower exports no method 'nothing'.
    ...    Call Driver    power    nothing    device=left

Drivers That There Are Not
    Run Keyword And Expect Error
    ...    EQUALS:No driver 'powr'. It has: console, power, storage. The device is ${RIGHT}.
    ...    Power On    device=right    driver=powr

Storage
    Run Keyword And Expect Error
    ...    EQUALS:Driver 'power' is no storage driver; its exporter calls it 'jumpstarter_driver_power.client.PowerClient'. The device is ${RIGHT}.
    ...    Read Image    ${OUTPUT_DIR}/read.img    device=right    driver=power

Commands And Logins
    Run Keyword And Expect Error
    ...    STARTS:Command 'true' found no shell on console 'console' of ${LEFT} within 200 milliseconds.
    ...    Run Command    true    timeout=0.2 s    device=left
    Run Keyword And Expect Error
    ...    STARTS:No login on console 'console' of ${RIGHT} within 200 milliseconds.
    ...    Log In To Console    timeout=0.2 s    device=right

States
    Power On    device=right
    Run Keyword And Expect Error
    ...    STARTS:The state of the board on console 'console' of ${RIGHT} should be 'off', and is unknown
    ...    Device State Should Be    off    device=right

Failing Patterns
    Register Failing Console Pattern    Medium is blank    device=left
    Power On    device=left
    Run Keyword And Expect Error
    ...    STARTS:The device crashed while 'login:' was awaited: console 'console' of ${LEFT} said '** Medium is blank **' (failing pattern 'Medium is blank').
    ...    Console Should Contain    login:    timeout=10 s    device=left

Leases
    Run Keyword And Expect Error    *${LEFT}*    Lease Should Have Time Left    10 days    device=left

A Request For A Device Is Not About The Current One
    Run Keyword And Expect Error
    ...    EQUALS:No exporter for selector 'number=1' can become free, since this run waits for itself: it holds exporter 'virtual-1' (device 'left'). Release it first, or ask for another exporter.
    ...    Acquire Lease    number=1    alias=other    timeout=3 s

One Device Alone
    [Documentation]    Devices that earlier tests have used do not count.
    Acquire Lease    number=3    alias=third    scope=test
    Release Lease    device=third
    Run Keyword And Expect Error    *${LEFT}*    Console Should Contain    never    device=left
    Disconnect    device=right
    Run Keyword And Expect Error    *${LEFT}*    Console Should Contain    never    device=left

One Device Alone In The Next Test
    Run Keyword And Expect Error
    ...    STARTS:No match for 'never' on console 'console' in 200 milliseconds.
    ...    Console Should Contain    never    device=left
