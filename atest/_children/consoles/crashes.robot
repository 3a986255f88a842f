*** Settings ***
Documentation    Run as a child by other suites, against an exporter of theirs: a board that crashes while tests look
...              elsewhere.

Library          JumpstarterLibrary    timeout=30 s


*** Test Cases ***
No Wait Looks
    Register Failing Console Pattern    preset=linux    driver=talker
    Call Driver    talker    say    [${SPACE*3}1.500000] Kernel panic - not syncing: between two waits\n
    Call Driver    talker    say    [${SPACE*3}1.500100] Call trace:\n
    Wait Until Keyword Succeeds    30 s    20 ms    Text Should Have Come    Call trace

The Next Test Is Not To Blame
    Console Should Not Contain    anything    driver=talker

Another Failure Comes First
    Call Driver    talker    say    [${SPACE*3}9.500000] Kernel panic - not syncing: once more\n    ${0.6}
    Wait Until Keyword Succeeds    30 s    20 ms    Text Should Have Come    once more
    Fail    Something else

A Teardown Tells
    Power On
    Call Driver    talker    say    [${SPACE*3}2.500000] Oops: 0002 [\#1] SMP\n
    [Teardown]    Get Console Text    contains    Oops    since=power_on    driver=talker


*** Keywords ***
Text Should Have Come
    [Documentation]    Looks at what is there, which raises nothing by itself.
    [Arguments]    ${expected}
    ${text} =    Get Console Text    driver=talker
    Should Contain    ${text}    ${expected}
