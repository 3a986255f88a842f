*** Settings ***
Documentation     One board's life: U-Boot, a variable, a system, commands while its kernel talks, and a panic.
...
...               Runs on every board that starts a system: --variable BOARD:qemu-linux

Library           JumpstarterLibrary    timeout=20 s
Library           libraries/Steps.py
Resource          resources/boards.resource

Suite Setup       Connect To Board    ${BOARD}
Suite Teardown    Power Off


*** Variables ***
${BOARD}       virtual-noisy
${COMMANDS}    %{ATEST_COMMANDS=20}


*** Test Cases ***
U-Boot Stops
    Interrupt Boot
    Device State Should Be    bootloader

A Variable Reaches The System
    Set U-Boot Variable    bootargs    ${FACTS.bootargs} marker=from-u-boot
    Boot From U-Boot    @{FACTS.start}    user=root    password=${SECRET}
    ${cmdline} =    Run Command    cat /proc/cmdline
    Should Contain    ${cmdline.stdout}    marker=from-u-boot
    Device State Should Be    shell

Many Commands While The Kernel Talks
    Run Command    ${FACTS.noise}
    FOR    ${number}    IN RANGE    ${COMMANDS}
        ${result} =    Run Command    printf 'line %s\\n' one ${number}; sh -c 'exit ${number}'
        ...    expect_status=${number}
        Should Be Equal    ${result.stdout}    line one\nline ${number}
    END
    ${text} =    Get Console Text    since=test_start
    Should Match Regexp    ${text}    (?m)\\[ *\\d+\\.\\d{6}\\]

A Panic Ends What Waits For The Board
    Register Failing Console Pattern    preset=linux
    ${begin} =    Evaluate    time.monotonic()
    ${error} =    Run Keyword And Expect Error    *Kernel panic - not syncing: sysrq triggered crash*
    ...    Run Command    echo c > /proc/sysrq-trigger    timeout=1 min
    ${seconds} =    Evaluate    time.monotonic() - ${begin}
    Should Be True    ${seconds} < 3
    Should Match Regexp    ${error}    (?is)Call trace:.*panic\\+0x.*end Kernel panic
    [Teardown]    Unregister Failing Console Pattern

The State Is Lost With The Panic
    Get Device State    ==    unknown    look=no
    Run Keyword And Expect Error
    ...    STARTS:The state of the board on console 'board.console' should be 'shell', and is unknown: its kernel has panicked.
    ...    Device State Should Be    shell
    ${steps} =    Ensure Device State    bootloader
    Steps Should Be    ${steps}    unknown > off    off > bootloader
