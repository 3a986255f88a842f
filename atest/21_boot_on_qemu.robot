*** Settings ***
Documentation    The suites of the boot once more, with a real U-Boot and a real Linux in QEMU.

Library          JumpstarterLibrary    timeout=10 s
Library          libraries/ChildRun.py    limit=${300}
Resource         resources/boards.resource


*** Test Cases ***
U-Boot
    Suite Should Pass On    qemu-uboot    17_boot_loader.robot

Device States
    [Documentation]    From Power To Panic has the panic of this board.
    Suite Should Pass On    qemu-linux    18_device_states.robot    --exclude    panic

From Power To Panic
    Suite Should Pass On    qemu-linux    19_from_power_to_panic.robot

Cold Start To The Prompt
    [Setup]    Connect To Board    qemu-uboot-bare
    FOR    ${_}    IN RANGE    2
        Ensure Device State    off
        ${begin} =    Evaluate    time.monotonic()
        Ensure Device State    bootloader
        ${seconds} =    Evaluate    time.monotonic() - ${begin}
        Should Be True    ${seconds} < 8
    END
    [Teardown]    Disconnect

First Start Of An Unknown Board
    [Setup]    Connect To Board    qemu-uboot-bare
    ${begin} =    Evaluate    time.monotonic()
    Ensure Device State    bootloader
    ${seconds} =    Evaluate    time.monotonic() - ${begin}
    Should Be True    ${seconds} < 8
    [Teardown]    Disconnect

Board Without A Network
    [Setup]    Connect To Board    qemu-uboot-bare
    Interrupt Boot
    Set U-Boot Variable    autoload    perhaps
    Run Keyword And Expect Error
    ...    EQUALS:U-Boot got no address by DHCP in 1 try. It said: 'No ethernet found.'.
    ...    U-Boot DHCP
    ${autoload} =    Get U-Boot Variable    autoload
    Should Be Equal    ${autoload}    perhaps
    [Teardown]    Disconnect

Quotes That Stay Open
    [Setup]    Connect To Board    qemu-uboot-bare
    Interrupt Boot
    Run Keyword And Expect Error
    ...    EQUALS:U-Boot waits for the rest of command 'echo 'open': a quote or an 'if' is not closed. It was not run.
    ...    Run U-Boot Command    echo 'open
    ${result} =    Run U-Boot Command    echo closed
    Should Be Equal    ${result.stdout}    closed
    Write To Console    echo 'open
    Interrupt Boot
    [Teardown]    Disconnect

Empty Line Repeats A Command
    [Documentation]    What a real U-Boot does, and why the keywords never type one.
    [Setup]    Connect To Board    qemu-uboot-bare
    Interrupt Boot
    Write To Console    echo repeated
    Console Should Contain    \nrepeated\n=>
    Write To Console    ${EMPTY}
    Console Should Contain    \nrepeated\n=>
    [Teardown]    Disconnect

Reset Button
    [Setup]    Connect To Board    qemu-uboot-bare
    Ensure Device State    bootloader
    Call Driver    board    press_reset
    Get Device State    ==    unknown    look=no
    ${steps} =    Ensure Device State    bootloader
    Should Be Equal    ${steps[0].source} ${steps[0].target}    unknown bootloader
    Ensure Device State    off
    Run Keyword And Expect Error
    ...    EQUALS:Driver 'board' could not reach its hardware in 'press_reset': A board that is off cannot be reset. Switch it on. The exporter itself answers.
    ...    Call Driver    board    press_reset
    Get Device State    ==    off    look=no
    [Teardown]    Disconnect

Looking For The Prompt Repeats Nothing
    [Setup]    Connect To Board    qemu-uboot-bare
    Interrupt Boot
    Write To Console    echo once
    Console Should Contain    \nonce\n=>
    Device State Should Be    bootloader
    Interrupt Boot
    Run U-Boot Command    true
    ${text} =    Get Console Text    since=test_start
    Should Be Equal As Integers    ${text.count('\nonce')}    1
    [Teardown]    Disconnect


*** Keywords ***
Suite Should Pass On
    [Arguments]    ${board}    ${suite}    @{options}
    Skip If Board Is Missing    ${board}
    ${result} =    Run Child Suite    ${suite}    --pythonpath    ${EXECDIR}    --variable    BOARD:${board}    @{options}
    ${failed} =    Evaluate    {test: status for test, status in $result.statuses.items() if status != 'PASS'}
    Should Be Equal As Integers    ${result.rc}    0    ${failed} ${result.messages}    values=no
