*** Settings ***
Documentation    Run as a child by other suites, against an exporter of theirs: a board that tells the password to
...              everybody who listens.

Library          JumpstarterLibrary    timeout=10 s


*** Variables ***
${PASSWORD: Secret}    %{CHILD_PASSWORD=}


*** Test Cases ***
Typed Where It Comes Back
    Write To Console    ${PASSWORD}    driver=talker
    Call Driver    talker    say    login refused\n
    Console Should Contain    refused    driver=talker

Told In An Error
    Write To Console    ${PASSWORD}    driver=talker
    Console Should Contain    never said    timeout=0.5 s    driver=talker

Told In A Match
    Write To Console    ${PASSWORD}    driver=talker
    ${match} =    Console Should Contain    regexp:(?P<all>\\S+)\\n    since=test_start    driver=talker
    ${text} =    Get Console Text    contains    ${EMPTY}    since=test_start    driver=talker
    Log    ${match} ${text}
    Console Should Not Contain    regexp:\\S{8,}    since=test_start    driver=talker

Told By A Login
    Log In To Console    root    ${PASSWORD}    timeout=3 s    driver=talker
