*** Settings ***
Documentation    Images that follow each other on a board, tests that are repeated, and how arguments
...              may be written.

Library          OperatingSystem
Library          JumpstarterLibrary    mode=virtual

Suite Setup      Create File    ${BROKEN}    no image


*** Variables ***
${BROKEN}     ${OUTPUT_DIR}/broken.img
${GOOD}       ${CURDIR}/../examples/images/hello.img
${SECONDS}    ${20}


*** Test Cases ***
A Good Image After A Broken One Boots
    Acquire Lease    board=virtual
    Flash    ${BROKEN}
    Run Keyword And Expect Error
    ...    STARTS:State 'login' was not reached from 'bootloader': U-Boot came back to its prompt from 'boot'.
    ...    Ensure Device State    shell    password=root
    Flash    ${GOOD}
    Ensure Device State    shell    password=root
    Get Device State    ==    shell

A Test That Is Repeated Has A New Board
    [Template]    A Booted Board Should Have Said
    never    ${False}
    login:    ${True}

Arguments As Numbers, Times And Lists
    Console Should Contain    hello login:    timeout=${SECONDS}    since=power_on
    Console Should Contain    login:    timeout=00:00:03    since=power_on
    Run Command    true    expect_status=0
    Run Command    sh -c 'exit 3'    expect_status=${3}
    FOR    ${status}    IN    0|1    0, 1    !0    any
        Run Command    false    expect_status=${status}
    END
    VAR    @{statuses} =    0    1
    Run Command    false    expect_status=${statuses}
    Run Keyword And Expect Error
    ...    EQUALS:Command 'false' ended with status 1, which is none of 0, 2. It printed nothing.
    ...    Run Command    false    expect_status=0|2


*** Keywords ***
Flash
    [Arguments]    ${image}
    Power Off
    Write Image    ${image}

A Booted Board Should Have Said
    [Arguments]    ${text}    ${expected}
    Acquire Lease    board=virtual    alias=other    scope=test
    Write Image    ${GOOD}    device=other
    Power Cycle    off_time=0 s    device=other
    Log In To Console    root    root    device=other
    ${said} =    Run Keyword And Return Status
    ...    Console Should Contain    ${text}    timeout=0    since=power_on    device=other
    Should Be Equal    ${said}    ${expected}
    Release Lease    device=other
