*** Settings ***
Documentation    Run as a child by 31_failing_patterns.robot: failing patterns of the library import.

Library          JumpstarterLibrary    failing_patterns=linux, regexp:^ERROR: .*sensor    timeout=5 s


*** Test Cases ***
Patterns Count From The Start
    FOR    ${line}    IN    Kernel panic - not syncing: x    ERROR: bad sensor
        Call Driver    talker    say    \n${line}\n
        Run Keyword And Expect Error    STARTS:The device crashed    Console Should Contain    login:    driver=talker
        Power Cycle    off_time=0 s
    END

Patterns Can Be Taken Back
    Unregister Failing Console Pattern    linux    driver=talker
    Call Driver    talker    say    \nKernel panic - not syncing: x\nmore\n
    Console Should Contain    more    driver=talker
