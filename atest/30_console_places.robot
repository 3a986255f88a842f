*** Settings ***
Documentation    Places in a console's history: marks, several patterns at once, and assertions that are tried again.

Library          JumpstarterLibrary    timeout=5 s
Resource         resources/exporters.resource

Suite Setup      Connect To Fresh Exporter    ${TALKATIVE}    board


*** Test Cases ***
Marks Are Places To Look From
    Say    one\n
    Console Should Contain    one    driver=talker
    Mark Console    driver=talker
    Say    two\n
    Console Should Contain    two    driver=talker
    Mark Console    before three    driver=talker
    Say    three\n
    Console Should Contain    three    driver=talker
    Get Console Text    ==    two\nthree\n    since=mark    driver=talker
    Get Console Text    ==    three\n    since=before three    driver=talker

Marks Are Found Like Keywords
    Mark Console    before five    driver=talker
    Say    five\n
    Console Should Contain    five    driver=talker
    Console Should Contain    five    since=test_start    driver=talker
    Console Should Not Contain    three    since=Before-Five    driver=talker

Marks Can Be Moved
    Mark Console    here    driver=talker
    Say    four\n
    Console Should Contain    four    driver=talker
    Mark Console    here    driver=talker
    Get Console Text    ==    ${EMPTY}    since=here    driver=talker

Known Places
    Power On
    Say    five\n
    Console Should Contain    five\n    driver=talker
    Get Console Text    ==    five\n    since=power_on    driver=talker
    Get Console Text    ==    five\n    since=test_start    driver=talker
    Get Console Text    ==    ${EMPTY}    since=cursor    driver=talker    timeout=0 s
    Get Console Text    starts    one\n    since=lease_start    driver=talker
    Get Console Text    starts    one\n    since=connect    driver=talker

Places That Are None
    Run Keyword And Expect Error
    ...    EQUALS:Console 'breaker' has no mark 'nowhere'. It has: connect, cursor, lease_start, power_on, test_start.
    ...    Get Console Text    since=nowhere    driver=breaker
    Run Keyword And Expect Error
    ...    EQUALS:Console 'breaker' has no mark 'mark'. It has: connect, cursor, lease_start, power_on, test_start.
    ...    Console Should Contain    x    since=mark    driver=breaker
    Run Keyword And Expect Error
    ...    EQUALS:A mark cannot be called 'power on': that name means something else. Choose another one.
    ...    Mark Console    power on    driver=breaker

The First Of Several
    Power On
    Say    U-Boot 2026.01\n=>${SPACE}
    ${found} =    Wait For Console Any Of    driver=talker
    ...    LOGIN=regexp:(?P<host>\\w+) login:    UBOOT==>    PANIC=regexp:Kernel panic
    Should Be Equal    ${found.name}    UBOOT
    Should Be Equal    ${found.text}    =>
    Should Be Equal    ${found.before}    U-Boot 2026.01\n
    Say    bench-7 login:${SPACE}
    ${found} =    Wait For Console Any Of    driver=talker
    ...    LOGIN=regexp:(?P<host>\\w+-\\d+) login:    UBOOT==>    PANIC=regexp:Kernel panic
    Should Be Equal    ${found.name}    LOGIN
    Should Be Equal    ${found.groups}    ${{ {'host': 'bench-7'} }}

The Earliest Of Several Counts
    Say    b a\n
    ${found} =    Wait For Console Any Of    A=a    B=b    driver=talker
    Should Be Equal    ${found.name}    B
    ${found} =    Wait For Console Any Of    A=a    B=b    driver=talker
    Should Be Equal    ${found.name}    A

Patterns Without Names
    Say    bench-7 login:\n
    ${found} =    Wait For Console Any Of    Password:    regexp:lo.in:    driver=talker
    Should Be Equal    ${found.name}    regexp:lo.in:
    Should Be Equal    ${found.text}    login:
    Run Keyword And Expect Error
    ...    STARTS:No match for 'Password:' or LOGIN ('login:') on console 'talker' in 100 milliseconds.
    ...    Wait For Console Any Of    Password:    LOGIN=login:    timeout=100 ms    driver=talker

A Port That Goes And Comes Back
    Say    before\n
    Console Should Contain    before    driver=talker
    # While it is waited for: a stream that has ended before is opened again by the next keyword.
    Call Driver    talker    hang_up    ${1.0}
    Run Keyword And Expect Error
    ...    EQUALS:The exporter ended the stream of console 'talker' while waiting for 'after'.
    ...    Console Should Contain    after    driver=talker
    Console Should Contain    before    since=connect    driver=talker
    Say    after\n
    Console Should Contain    after    driver=talker
    ${text} =    Get Console Text    since=connect    driver=talker
    Should Match Regexp    ${text}    before\\n+\\[gap \\d+\\.\\d s\\]\\nafter\\n

None Of Several
    Power On
    Say    board logim:\n
    Console Should Contain    logim    driver=talker    since=power_on
    Run Keyword And Expect Error
    ...    REGEXP:(?s)Which is bad: No match for LOGIN \\('login:'\\) or PANIC \\('regexp:Kernel panic'\\) on console 'talker' in 200 milliseconds\\. 14 bytes were read, the last \\d+ milliseconds ago\\. The nearest line was: 'board logim:'\\. The last lines were:\n.* {2}board logim:
    ...    Wait For Console Any Of    LOGIN=login:    PANIC=regexp:Kernel panic    since=power_on    timeout=200 ms
    ...    message=Which is bad    driver=talker
    Run Keyword And Expect Error
    ...    EQUALS:There is nothing to wait for. Give patterns with names, for example LOGIN=login:
    ...    Wait For Console Any Of    driver=talker

The Nearest Line Of A Regular Expression
    Power On
    Say    eth0: link up at 100 Mbps\neth1: down\n
    Console Should Contain    eth1: down    driver=talker
    Run Keyword And Expect Error
    ...    REGEXP:(?s)No match for .* The nearest line was: 'eth0: link up at 100 Mbps'\\. The last lines were:.*
    ...    Console Should Contain    regexp:link up at (?P<speed>\\d+) Gbps    since=power_on    timeout=0 s    driver=talker

A Match Over Several Lines
    Say    begin\nmiddle\nend\n
    ${match} =    Console Should Contain    regexp:(?s)begin.*end    driver=talker
    Should Be Equal    ${match.text}    begin\nmiddle\nend

An Assertion Is Tried Again Until It Holds
    Mark Console    here    driver=talker
    Say    link is up\n    after=0.2
    Say    link is up\n    after=0.4
    ${text} =    Get Console Text    contains    link    since=here    driver=talker
    Should Be Equal    ${text}    link is up\n
    Get Console Text    validate    value.count('up') == 2    since=here    driver=talker

Assertions That Give Something Else
    Mark Console    here    driver=talker
    Say    link is up\nlink is up\n
    Get Console Text    ends    link is up\n    since=here    driver=talker
    ${count} =    Get Console Text    then    value.count('link')    since=here    driver=talker
    Should Be Equal    ${count}    ${2}
    ${groups} =    Get Console Text    matches    is (?P<state>\\w+)    since=here    driver=talker
    Should Be Equal    ${groups}    ${{ {'state': 'up'} }}
    Get Console Text    not contains    down    since=here    driver=talker

An Assertion That Never Holds
    Mark Console    here    driver=talker
    Say    link is down\n
    Console Should Contain    down    driver=talker
    Run Keyword And Expect Error
    ...    REGEXP:(?s)No link: The text of console 'talker' should contain 'link is up', and did not within 300 milliseconds\\. 14 bytes were read, the last .* ago\\. The last lines were:\n.* {2}link is down
    ...    Get Console Text    contains    link is up    since=here    timeout=300 ms    message=No link    driver=talker
    Run Keyword And Expect Error
    ...    EQUALS:What is expected needs an assertion operator before it, such as: contains
    ...    Get Console Text    expected=x    driver=talker

What Is Watched For A While
    Power On
    Say    panic\n    after=0.3
    Run Keyword And Expect Error
    ...    EQUALS:Console 'talker' said 'panic', which it should not. The line was: 'panic'.
    ...    Console Should Not Contain    panic    within=5 s    driver=talker
    Console Should Not Contain    oops    within=0.2 s    since=power_on    driver=talker

Characters That Are Cut In Two
    Call Driver    talker    say_bytes    67 72 c3
    Call Driver    talker    say_bytes    bc 6e 1b 5b
    Call Driver    talker    say_bytes    31 6d 21 0d
    Call Driver    talker    say_bytes    0a 6f 6b 0d 0a
    Get Console Text    contains    grün!\nok\n    since=test_start    driver=talker

What Was Erased Is Not There
    Say    Hit any key to stop autoboot:${SPACE * 2}2 \x08\x08\x08 1 \x08\x08\x08 0 \nwrong\x08\x08\x08\x08\x08\x20
    Say    right\n
    Get Console Text    ==    Hit any key to stop autoboot:${SPACE * 2}0 \n${SPACE}right\n    since=test_start    driver=talker
    ${match} =    Console Should Contain    autoboot:${SPACE * 2}0    since=test_start    driver=talker
    Should Be Equal    ${match.before}    Hit any key to stop${SPACE}
    Console Should Not Contain    wrong    since=test_start    driver=talker
    Run Keyword And Expect Error
    ...    REGEXP:(?s)No match for 'wrong' on console 'talker' in 0 milliseconds\\. .* {3}right
    ...    Console Should Contain    wrong    since=test_start    timeout=0 s    driver=talker

Garbage Is Told
    Mark Console    here    driver=talker
    Say    \x00\x07\x00\x1b[0m    after=0.1
    Run Keyword And Expect Error
    ...    REGEXP:No match for 'login:' on console 'talker' in 500 milliseconds\\. 7 bytes were read, the last \\d+ milliseconds ago, and nothing of that is text\\.
    ...    Console Should Contain    login:    since=here    timeout=500 ms    driver=talker

Several Consoles
    VAR    ${message} =
    ...    EQUALS:The exporter '${HOST}' has several console drivers: talker, breaker. Say which with driver=.
    Run Keyword And Expect Error    ${message}    Mark Console
    Run Keyword And Expect Error    ${message}    Wait For Console Any Of    A=a
    Run Keyword And Expect Error    ${message}    Send Control Character    c
    Run Keyword And Expect Error    ${message}    Send Break
    Run Keyword And Expect Error    ${message}    Register Failing Console Pattern    x
    Run Keyword And Expect Error    ${message}    Unregister Failing Console Pattern    x


*** Keywords ***
Say
    [Arguments]    ${text}    ${after}=0
    Call Driver    talker    say    ${text}    ${{ float($after) }}
