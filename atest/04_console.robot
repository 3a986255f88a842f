*** Settings ***
Documentation    The console: nothing is lost by looking, and a wait that fails shows what there was.

Library          OperatingSystem
Library          JumpstarterLibrary    timeout=5 s
Resource         resources/exporters.resource

Suite Setup      Connect To Fresh Exporter    ${CROWDED}    chatty


*** Test Cases ***
What Is Written Comes Back
    Write To Console    hello world    driver=loop
    ${match} =    Console Should Contain    hello    driver=loop
    Should Be Equal    ${match.text}    hello
    Console Should Contain    world    driver=loop

Literal And Regular Expression
    Write To Console    eth0: link up, 100 Mbps    driver=loop
    ${match} =    Console Should Contain    regexp:link (?P<state>up|down), (?P<speed>\\d+)    driver=loop
    Should Be Equal    ${match.groups}    ${{ {'state': 'up', 'speed': '100'} }}
    Console Should Contain    Mbps\n    driver=loop

Looking Destroys Nothing
    Write To Console    first second    driver=loop
    Console Should Contain    second    driver=loop
    Console Should Contain    first    since=test_start    driver=loop
    Get Console Text    ==    first second\n    since=test_start    driver=loop
    ${text} =    Get Console Text    since=connect    driver=loop
    Should Contain    ${text}    hello world

A Match Moves The Cursor
    Write To Console    one two    driver=loop
    Console Should Contain    two    driver=loop
    Run Keyword And Expect Error    No match for 'one' on console 'loop' in 100 milliseconds.*
    ...    Console Should Contain    one    timeout=0.1 s    driver=loop

Power Begins A New Chapter
    Write To Console    login:    driver=loop
    Console Should Contain    login:    driver=loop    since=test_start
    Write To Console    login:    driver=loop
    Console Should Contain    login:\n    driver=loop
    Power On    driver=relays.main
    ${text} =    Get Console Text    since=power_on    driver=loop
    Should Be Empty    ${text}

Escape Sequences And Line Ends Are Normalised
    Write To Console    \x1b[1;31mred\x1b[0m\r\nnext\r    driver=loop
    Console Should Contain    red\nnext\n    driver=loop

Control Characters Can Be Typed
    Write To Console    \x03    newline=no    driver=loop
    Console Should Contain    \x03    driver=loop

Transcript Has Every Byte
    Write To Console    \x1b[1mbold    driver=loop
    Console Should Contain    bold    driver=loop
    ${transcript} =    Get Binary File    ${OUTPUT_DIR}/jumpstarter-artefacts/chatty/loop.log
    Should Contain    ${transcript}    ${{ b'\x1b[1mbold\n' }}

Must Not Contain
    Write To Console    all is well    driver=loop
    Console Should Not Contain    panic    since=test_start    within=100 ms    driver=loop
    Run Keyword And Expect Error
    ...    EQUALS:Console 'loop' said 'is well', which it should not. The line was: 'all is well'.
    ...    Console Should Not Contain    is well    since=test_start    within=1 s    driver=loop
    Run Keyword And Expect Error
    ...    EQUALS:Boot was dirty: Console 'loop' said 'all', which it should not. The line was: 'all is well'.
    ...    Console Should Not Contain    regexp:^all    since=test_start    message=Boot was dirty    driver=loop

Mismatch Shows What There Was
    Power On    driver=relays.main
    Write To Console    Welcome to Linux\nlogn:    driver=loop
    Console Should Contain    Welcome    driver=loop
    Run Keyword And Expect Error
    ...    REGEXP:(?s)Boot failed: No match for 'login:' on console 'loop' in 300 milliseconds\\. 16 bytes were read, the last \\d+ milliseconds ago\\. The nearest line was: 'logn:'\\. The last lines were:\n.* {2}Welcome to Linux\n {2}logn:
    ...    Console Should Contain    login:    timeout=300 ms    message=Boot failed    driver=loop

Silence Is Called Silence
    Run Keyword And Expect Error
    ...    EQUALS:No match for 'login:' on console 'silent' in 200 milliseconds. The console was silent since it was opened.
    ...    Console Should Contain    login:    timeout=200 ms    driver=silent
    Power On    driver=relays.main
    Run Keyword And Expect Error
    ...    REGEXP:No match for 'login:' on console 'loop' in 200 milliseconds\\. The console was silent; its last byte came .* ago\\.
    ...    Console Should Contain    login:    timeout=200 ms    driver=loop

Console That Ended
    Run Keyword And Expect Error
    ...    EQUALS:The exporter ended the stream of console 'gone' while waiting for 'login:'.
    ...    Console Should Contain    login:    driver=gone
    Run Keyword And Expect Error
    ...    STARTS:The exporter ended the stream of console 'gone'
    ...    Write To Console    hello    driver=gone
    Console Should Contain    bye    driver=gone    since=connect

Several Consoles
    VAR    ${message} =
    ...    EQUALS:The exporter '${HOST}' has several console drivers: loop, silent, uboot, gone. Say which with driver=.
    Run Keyword And Expect Error    ${message}    Console Should Contain    x
    Run Keyword And Expect Error    ${message}    Console Should Not Contain    x
    Run Keyword And Expect Error    ${message}    Write To Console    x
    Run Keyword And Expect Error    ${message}    Get Console Text
    Run Keyword And Expect Error    ${message}    Run Command    true
    Run Keyword And Expect Error    ${message}    Log In To Console

No Console
    ${host} =    Start Exporter    ${BARE}
    Connect To Exporter    ${host}    alias=bare
    Run Keyword And Expect Error
    ...    EQUALS:The exporter '${host}' has no console driver. It has: echo. The device is 'bare' (exporter '${host}').
    ...    Write To Console    x
    [Teardown]    Disconnect    device=bare

Driver Without A Byte Stream
    Run Keyword And Expect Error
    ...    STARTS:Driver 'mux' has no stream method 'connect': MockStorageMuxFlasher exports no method 'connect'.
    ...    Console Should Contain    x    driver=mux

Text That Cannot Be Typed
    Run Keyword And Expect Error
    ...    EQUALS:The text cannot be typed: surrogates not allowed at character 1.
    ...    Write To Console    ${{ 'a' + chr(0xD800) }}    driver=loop

Broken Patterns
    Run Keyword And Expect Error
    ...    EQUALS:'(' is not a valid regular expression: missing ), unterminated subpattern at position 0.
    ...    Console Should Contain    regexp:(    driver=loop
    VAR    ${message} =
    ...    EQUALS:An empty pattern matches everything. Give a text, or regexp: and a regular expression.
    Run Keyword And Expect Error    ${message}    Console Should Contain    ${EMPTY}    driver=loop
    Run Keyword And Expect Error    ${message}    Console Should Not Contain    regexp:    driver=loop

A Mistaken Prefix Is No Pass
    [Documentation]    As a plain text it would never be found, and a check that it was not said would pass.
    FOR    ${pattern}    IN    regex:a.l    re:a.l    REGEX: a.l    ${SPACE}regexp:a.l    glob:a?l
        ${rest} =    Evaluate    re.split("[:=] *", $pattern, maxsplit=1)[1]    modules=re
        VAR    ${message} =
        ...    EQUALS:'${pattern}' begins with a prefix that there is not. Write 'regexp:${rest}' for a regular expression, or 'literal:${pattern}' for this very text.
        Run Keyword And Expect Error    ${message}    Console Should Not Contain    ${pattern}    driver=loop
        Run Keyword And Expect Error    ${message}    Console Should Contain    ${pattern}    driver=loop
        Run Keyword And Expect Error    ${message}    Wait For Console Any Of    x    ${pattern}    driver=loop
        Run Keyword And Expect Error    ${message}    Register Failing Console Pattern    ${pattern}    driver=loop
        Run Keyword And Expect Error    ${message}    Define Device State    own    ${pattern}    driver=loop
    END
    Run Keyword And Expect Error
    ...    EQUALS:'regexp=a.l' is a pattern with the name 'regexp', and a plain text. Write 'regexp:a.l' for a regular expression, or choose another name.
    ...    Wait For Console Any Of    regexp=a.l    driver=loop

All Of Several Things
    Write To Console    one two three    driver=loop
    ${found} =    Wait For Console All Of    three    ONE=regexp:(?P<first>o.e)    since=test_start    driver=loop
    Should Be Equal    ${found['three'].text} ${found['ONE'].groups['first']}    three one
    Wait For Console All Of    one    two    three    since=test_start    in_order=yes    driver=loop
    Run Keyword And Expect Error
    ...    STARTS:No match for 'one' on console 'loop' in 100 milliseconds.
    ...    Wait For Console All Of
    ...    three
    ...    one
    ...    since=test_start
    ...    in_order=yes
    ...    timeout=100 ms
    ...    driver=loop
    Run Keyword And Expect Error
    ...    EQUALS:There is nothing to wait for. Give patterns with names, for example LOGIN=login:
    ...    Wait For Console All Of    driver=loop

What Must Not Come Before It
    Write To Console    one error two    driver=loop
    Console Should Contain    one    since=test_start    not_matching=error    driver=loop
    FOR    ${keyword}    IN    Console Should Contain    Wait For Console Any Of    Wait For Console All Of
        Run Keyword And Expect Error
        ...    EQUALS:Console 'loop' said 'error', which it should not, while 'two' was awaited. The line was: 'one error two'.
        ...    Run Keyword    ${keyword}    two    since=test_start    not_matching=regexp:err.r    driver=loop
    END

A Prefix In Capitals Counts
    Write To Console    all is well    driver=loop
    Console Should Contain    is well    since=test_start    driver=loop
    Run Keyword And Expect Error    *said*    Console Should Not Contain    REGEXP:a.l is    since=test_start    driver=loop
    Console Should Contain    literal:all is    since=test_start    driver=loop
