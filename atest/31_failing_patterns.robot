*** Settings ***
Documentation    Failing patterns: each wait for a console ends as soon as the board dies, with its last words.

Library          JumpstarterLibrary    timeout=30 s
Library          libraries/ChildRun.py
Resource         resources/exporters.resource

Suite Setup      Connect To Fresh Exporter    ${TALKATIVE}    board
Test Setup       Power On
Test Teardown    Unregister Failing Console Pattern    driver=talker


*** Variables ***
${PANIC}    [${SPACE * 3}1.500000] Kernel panic - not syncing: Attempted to kill init!
${TRACE}    [${SPACE * 3}1.500100] Call trace:


*** Test Cases ***
A Wait Ends With The Trace
    Register Failing Console Pattern    preset=linux    driver=talker
    Say    Starting kernel ...\n${PANIC}\n    after=0.2
    Say    ${TRACE}\n    after=0.8
    Error Should Come Soon
    ...    EQUALS:The device crashed while 'login:' was awaited: console 'talker' said '${PANIC}' (failing pattern 'linux: Kernel panic - not syncing'). What came with it:\n${SPACE}${SPACE}Starting kernel ...\n${SPACE}${SPACE}${PANIC}\n${SPACE}${SPACE}${TRACE}
    ...    Console Should Contain    login:    driver=talker

Every Keyword That Waits Ends
    [Template]    Wait Should End With A Crash
    a shell prompt    Log In To Console
    the end of command 'true'    Run Command    true
    A ('x') or B ('regexp:y')    Wait For Console Any Of    A=x    B=regexp:y
    an assertion    Get Console Text    contains    x
    silence about 'x'    Console Should Not Contain    x    within=30 s

What Is Said Between Two Keywords Fails The Next
    Register Failing Console Pattern    regexp:^ERROR: (sensor|fan)    driver=talker
    Say    all is well\nERROR: sensor 3\n
    Wait Until Keyword Succeeds    10 s    20 ms    Text Should Have Come    ERROR: sensor 3
    Error Should Come Soon
    ...    STARTS:The device crashed: console 'talker' said 'ERROR: sensor 3' (failing pattern 'regexp:^ERROR: (sensor|fan)').
    ...    Write To Console    hello    driver=talker
    Write To Console    hello    driver=talker
    Console Should Contain    hello    driver=talker

What Came Before The Crash Is Found
    Register Failing Console Pattern    preset=u-boot    driver=talker
    Say    ready\nresetting ...\n
    Console Should Contain    ready    driver=talker
    Error Should Come Soon
    ...    STARTS:The device crashed while 'more' was awaited: console 'talker' said 'resetting ...'
    ...    Console Should Contain    more    driver=talker

A Wait For The Crash Gets It
    Register Failing Console Pattern    preset=linux    driver=talker
    Say    ${PANIC}\nmore\n
    ${match} =    Console Should Contain    regexp:Kernel panic.*    driver=talker
    Should Be Equal    ${match.text}    Kernel panic - not syncing: Attempted to kill init!
    Console Should Contain    more    driver=talker

What Only Looks Like It Is None
    Register Failing Console Pattern    preset=linux    driver=talker
    Say    \# echo "Kernel panic - not syncing" > notes\ndone\n
    Console Should Contain    done    driver=talker

Presets
    [Template]    Preset Should Catch
    linux    [${SPACE * 3}7.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008
    linux    [${SPACE}242.657000] INFO: task mount:301 blocked for more than 120 seconds.
    u-boot    "Synchronous Abort" handler, esr 0x96000004, far 0x0
    zephyr    E: >>> ZEPHYR FATAL ERROR 4: Kernel panic on CPU 0
    android    [${SPACE * 2}86.527726] init: InitFatalReboot: signal 6
    oom    [${SPACE * 2}88.100000] stress invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
    firmware    PANIC at PC : 0x0000000000004c58
    esp-idf    abort() was called at PC 0x400e14ed on core 0
    nuttx    arm_hardfault: PANIC!!! Hard Fault!:
    xen    (XEN) Panic on CPU 0:

Names Of Presets Are Presets
    [Template]    Name Should Be Preset
    linux    linux    [${SPACE * 3}7.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008
    U-Boot    u-boot    resetting ...
    u boot    u-boot    resetting ...
    ZEPHYR    zephyr    E: >>> ZEPHYR FATAL ERROR 4: Kernel panic on CPU 0
    Android    android    [${SPACE * 2}86.527726] init: InitFatalReboot: signal 6
    ESP IDF    esp-idf    abort() was called at PC 0x400e14ed on core 0

A Word That Is Also A Preset
    Register Failing Console Pattern    regexp:linux    driver=talker
    Say    this is linux\n
    Error Should Come Soon
    ...    STARTS:The device crashed while 'never' was awaited: console 'talker' said 'this is linux' (failing pattern 'regexp:linux').
    ...    Console Should Contain    never    driver=talker
    Run Keyword And Expect Error
    ...    EQUALS:'linux' is no failing pattern of console 'talker'. It has: regexp:linux.
    ...    Unregister Failing Console Pattern    Linux    driver=talker

Patterns Are Taken Back
    Register Failing Console Pattern    DEAD    GONE    preset=zephyr    driver=talker
    Unregister Failing Console Pattern    DEAD    preset=zephyr    driver=talker
    Say    DEAD\nready\n
    Console Should Contain    ready    driver=talker
    Run Keyword And Expect Error
    ...    EQUALS:'DEAD' is no failing pattern of console 'talker'. It has: GONE.
    ...    Unregister Failing Console Pattern    DEAD    driver=talker
    Unregister Failing Console Pattern    driver=talker
    Run Keyword And Expect Error
    ...    EQUALS:'linux' is no failing pattern of console 'talker'. It has: none.
    ...    Unregister Failing Console Pattern    preset=linux    driver=talker
    Say    GONE\nready\n
    Console Should Contain    ready    driver=talker

Patterns That Are None
    Run Keyword And Expect Error
    ...    EQUALS:There is nothing to look for. Give patterns, or a preset, for example preset=linux
    ...    Register Failing Console Pattern    driver=talker
    Run Keyword And Expect Error
    ...    EQUALS:'(' is not a valid regular expression: missing ), unterminated subpattern at position 0.
    ...    Register Failing Console Pattern    regexp:(    driver=talker

Other Consoles Are Not Concerned
    Register Failing Console Pattern    DEAD    driver=talker
    Call Driver    breaker    say    DEAD\nready\n
    Console Should Contain    ready    driver=breaker

A Crash That No Wait Has Seen Fails The Test At Its End
    ${host} =    Start Exporter    ${TALKATIVE}
    ${child} =    Run Child Suite    _children/consoles/crashes.robot    JUMPSTARTER_HOST=${host}
    Should Be Equal As Integers    ${child.rc}    3
    VAR    @{messages} =    @{child.messages}
    Should Be Equal
    ...    ${messages}[0]
    ...    The device crashed: console 'talker' said '[${SPACE*3}1.500000] Kernel panic - not syncing: between two waits' (failing pattern 'linux: Kernel panic - not syncing'). What came with it:\n${SPACE*2}\[${SPACE*3}1.500000] Kernel panic - not syncing: between two waits\n${SPACE*2}\[${SPACE*3}1.500100] Call trace:
    Should Be Empty    ${messages}[1]
    Should Start With
    ...    ${messages}[2]
    ...    Something else\n\nAlso: The device crashed: console 'talker' said '[${SPACE*3}9.500000] Kernel panic
    Should Contain    ${messages}[3]    Oops: 0002

A Panic That Ended No Wait Is Told
    [Documentation]    Without failing patterns the wait takes all of its time; its error tells of the panic, and how to end there.
    Say    ${PANIC}\nmore\n
    Console Should Contain    more    driver=talker
    VAR    ${died} =    The kernel has died [\\d.]+ (?:milli)?seconds? before: '.*Kernel panic - not syncing: .*'
    VAR    ${hint} =
    ...    With Register Failing Console Pattern${SPACE * 4}linux, or failing_patterns=linux at the library's import, a wait ends there
    Run Keyword And Expect Error
    ...    REGEXP:(?s)No match for 'login:' on console 'talker' in 100 milliseconds\\. ${died}.*${hint}\\.
    ...    Console Should Contain    login:    since=test_start    timeout=100 ms    driver=talker
    # What is looked at begins behind it.
    Run Keyword And Expect Error
    ...    REGEXP:(?s)No match for 'login:' on console 'talker' in 100 milliseconds\\. (?!The kernel).*
    ...    Console Should Contain    login:    timeout=100 ms    driver=talker

Patterns Of The Library Import
    [Documentation]    They count for each device and console of the run.
    ${result} =    Run Child Suite    _children/consoles/import_patterns.robot    JUMPSTARTER_HOST=${HOST}
    Should Be Equal As Integers    ${result.rc}    0    ${result.stdout}


*** Keywords ***
Text Should Have Come
    [Documentation]    Looks at what is there, which raises nothing by itself.
    [Arguments]    ${expected}
    ${text} =    Get Console Text    driver=talker
    Should Contain    ${text}    ${expected}

Say
    [Arguments]    ${text}    ${after}=0
    Call Driver    talker    say    ${text}    ${{ float($after) }}

Error Should Come Soon
    [Documentation]    A second until the wait ends, and one of silence behind the trace.
    [Arguments]    ${error}    ${keyword}    @{arguments}    &{options}
    ${begin} =    Evaluate    time.monotonic()    modules=time
    Run Keyword And Expect Error    ${error}    ${keyword}    @{arguments}    &{options}
    ${end} =    Evaluate    time.monotonic()    modules=time
    Should Be True    $end - $begin < 4    It took ${{ $end - $begin }} seconds.

Wait Should End With A Crash
    [Arguments]    ${what}    ${keyword}    @{arguments}    &{options}
    Power On
    Register Failing Console Pattern    DEAD    driver=talker
    Say    \nDEAD\n    after=0.7
    Error Should Come Soon
    ...    STARTS:The device crashed while ${what} was awaited: console 'talker' said 'DEAD'
    ...    ${keyword}    @{arguments}    &{options}    driver=talker

Preset Should Catch
    [Arguments]    ${preset}    ${line}
    Register Failing Console Pattern    preset=${preset}    driver=talker
    Say    ${line}\n
    Error Should Come Soon
    ...    STARTS:The device crashed while 'never' was awaited: console 'talker' said '${line}' (failing pattern '${preset}:
    ...    Console Should Contain    never    driver=talker
    Unregister Failing Console Pattern    preset=${preset}    driver=talker
    Power On

Name Should Be Preset
    [Arguments]    ${name}    ${preset}    ${line}
    Register Failing Console Pattern    ${name}    driver=talker
    Say    a word about linux, u-boot, zephyr and android\nready\n
    Console Should Contain    ready    driver=talker
    Say    ${line}\n
    Error Should Come Soon
    ...    STARTS:The device crashed while 'never' was awaited: console 'talker' said '${line}' (failing pattern '${preset}:
    ...    Console Should Contain    never    driver=talker
    Unregister Failing Console Pattern    ${name}    driver=talker
    Power On
