*** Settings ***
Documentation    One suite for several kinds of boards: what differs is in the profiles of one file.

Library          OperatingSystem
Library          JumpstarterLibrary    mode=virtual    timeout=17 s    profiles=${CURDIR}/resources/profiles.yaml

Test Timeout     40 s
Test Template    Service Mode Should Be Reached


*** Test Cases ***
First Kind Of Board    number=1
Second Kind Of Board    number=2
Board Without A Profile
    [Template]    NONE
    Run Keyword And Expect Error
    ...    EQUALS:The states file '${CURDIR}/resources/profiles.yaml', line 4: profiles: none is for exporter 'virtual-3' with the labels board=virtual, number=3. There are: 'first' (labels that match 'number=1'), 'second' (a name that matches '*-2'). One without match and exporter would be for all others.
    ...    Acquire Lease    number=3
File That Cannot Be Used
    [Template]    NONE
    VAR    ${file} =    ${OUTPUT DIR}/profiles-with-a-mistake.yaml
    Create File    ${file}    profiles:\n${SPACE}${SPACE}board:\n${SPACE}${SPACE}${SPACE}${SPACE}mach: board=rpi4\n
    Run Keyword And Expect Error
    ...    STARTS:Initializing library 'JumpstarterLibrary' with arguments [ mode=virtual | profiles=${file} ] failed: The states file '${file}', line 3: profiles.board.mach: there is no such key. Known: match, exporter, driver, settings, timing, states, failing_patterns.
    ...    Import Library    JumpstarterLibrary    mode=virtual    profiles=${file}    AS    Mistaken


*** Keywords ***
Service Mode Should Be Reached
    [Arguments]    ${selector}
    Acquire Lease    ${selector}
    Log Jumpstarter Setup
    Ensure Device State    service
    Device State Should Be    service
    Console Should Contain    ${selector}    timeout=0 s    since=power_on
    [Teardown]    Release Lease
