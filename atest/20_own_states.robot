*** Settings ***
Documentation    States of one's own, from YAML and from resource files, and boards of every shape.

Library          OperatingSystem
Library          JumpstarterLibrary    timeout=10 s
Library          libraries/Steps.py
Resource         resources/boards.resource
Resource         resources/exporters.resource
Resource         resources/own_states.resource

Suite Setup      Connect To Two Boards
Test Teardown    Forget Device Failures


*** Variables ***
&{RIGHT}             driver=right.console
${HIDDEN: Secret}    %{ATEST_HIDDEN=very-hidden-word}


*** Test Cases ***
The U-Boot Driver Is Used
    ${seconds} =    Interrupt Boot
    Should Be True    ${seconds} < 5
    ${text} =    Get Console Text    driver=left.console    since=connect
    Should Contain    ${text}    autoboot
    ${text} =    Get Console Text    driver=right.console    since=connect
    Should Be Empty    ${text}
    ${version} =    Run U-Boot Command    version    driver=uboot
    Should Contain    ${version.stdout}    U-Boot
    Device State Should Be    bootloader    driver=left.console

Another Board By Its Serial Port
    # The power driver beside it is its own.
    ${steps} =    Ensure Device State    bootloader    &{RIGHT}
    Steps Should Be    ${steps}    off > bootloader
    ${steps} =    Ensure Device State    shell    password=${HIDDEN}    &{RIGHT}
    Steps Should Be    ${steps}    bootloader > login    login > shell
    ${name} =    Run Command    hostname    &{RIGHT}
    Should Be Equal    ${name.stdout}    right
    ${steps} =    Ensure Device State    off    &{RIGHT}
    Steps Should Be    ${steps}    shell > off
    # The other board has not noticed.
    Device State Should Be    bootloader

No Password In Any Artefact
    Set Device Credentials    root    ${HIDDEN}    &{RIGHT}
    Ensure Device State    shell    off_time=0 s    &{RIGHT}
    Ensure Device State    login    &{RIGHT}
    Ensure Device State    shell    &{RIGHT}
    Artefacts Should Not Contain    very-hidden-word
    [Teardown]    Ensure Device State    off    &{RIGHT}

Power That Is Switched Under Another Alias
    Ensure Device State    bootloader
    Connect To Exporter    ${HOST}    alias=other
    Call Driver    left.power    off    device=other
    Get Device State    ==    off    look=no    device=device
    Call Driver    left.power    on    device=device
    Get Device State    ==    unknown    look=no    device=device
    [Teardown]    Disconnect    device=other

Several U-Boot Drivers
    ${host} =    Start Exporter    ${CURDIR}/resources/two_uboots.yaml
    Connect To Exporter    ${host}    alias=twins
    Run Keyword And Expect Error
    ...    EQUALS:The exporter '${host}' has several U-Boot drivers: first, second. The device is 'twins' (exporter '${host}'). Say which with driver=.
    ...    Interrupt Boot
    Run Keyword And Expect Error
    ...    EQUALS:No driver 'power' under 'second'. It has: serial. The device is 'twins' (exporter '${host}').
    ...    Interrupt Boot    driver=second
    Interrupt Boot    driver=first
    [Teardown]    Disconnect    device=twins

Several Power Drivers
    [Setup]    Connect To Board With Two Powers
    VAR    ${message} =
    ...    EQUALS:The exporter '${CROWDED}' has several power drivers: board.power, board.usb. The device is 'crowded' (exporter '${CROWDED}'). Say which with power=.
    Run Keyword And Expect Error    ${message}    Interrupt Boot
    Run Keyword And Expect Error    ${message}    Ensure Device State    bootloader
    Run Keyword And Expect Error    ${message}    Ensure Device State    off
    Ensure Device State    bootloader    power=board.power
    Power Off    driver=board.usb
    Get Device State    ==    bootloader    look=no
    Call Driver    board.power    off
    Get Device State    ==    off    look=no
    [Teardown]    Disconnect    device=crowded

No Power Driver
    ${host} =    Start Exporter    ${CURDIR}/resources/serial_only.yaml
    Connect To Exporter    ${host}    alias=lonely
    Run Keyword And Expect Error
    ...    STARTS:No way leads from state 'unknown' (it answered a nudge with '#') to 'shell' on console 'serial' of 'lonely' (exporter '${host}'). There is no power driver to start anew with.
    ...    Ensure Device State    shell
    Run Keyword And Expect Error
    ...    STARTS:No way leads from state 'unknown' to 'off' on console 'serial' of 'lonely' (exporter '${host}'). There is no power driver to start anew with.
    ...    Ensure Device State    off
    Run Keyword And Expect Error
    ...    STARTS:The boot on console 'serial' of 'lonely' (exporter '${host}') was not stopped within 600 milliseconds.
    ...    Interrupt Boot    timeout=0.6 s
    ${state} =    Get Device State
    Should Be Equal    ${state}    unknown
    [Teardown]    Disconnect    device=lonely

States From A File
    ${names} =    Load Own States
    Should Be Equal    ${names}    ${{ ['renamed', 'asleep', 'awake', 'fresh'] }}
    Ensure Device State    shell
    ${steps} =    Ensure Device State    renamed
    Steps Should Be    ${steps}    shell > renamed
    Device State Should Be    renamed
    ${left} =    Run Command    echo $LEFT    driver=left.console
    Should Be Equal    ${left.stdout}    shell
    ${steps} =    Ensure Device State    shell
    Steps Should Be    ${steps}    renamed > shell

The Shortest Way
    [Setup]    Load Own States
    Ensure Device State    bootloader
    ${steps} =    Ensure Device State    asleep
    Steps Should Be    ${steps}    bootloader > asleep
    ${presses} =    Call Driver    button    pressed
    Should Be Equal As Integers    ${presses}    2
    Console Should Contain    sleeping for 500 seconds    since=power_on    driver=left.console
    Ensure Device State    off
    ${steps} =    Ensure Device State    asleep
    Steps Should Be    ${steps}    off > asleep

A Way From Anywhere
    Load Own States
    Ensure Device State    bootloader
    ${steps} =    Ensure Device State    fresh
    Steps Should Be    ${steps}    bootloader > fresh

A Way That Leads Elsewhere
    [Setup]    Load Own States
    Ensure Device State    asleep
    Run Keyword And Expect Error
    ...    STARTS:State 'awake' was not reached from 'asleep': The way was taken, and led back to 'asleep'.
    ...    Ensure Device State    awake

States From A Resource File
    Define My States
    Set Device Credentials    root    ${SECRET}
    Ensure Device State    shell
    ${steps} =    Ensure Device State    named
    Steps Should Be    ${steps}    shell > named
    Device State Should Be    named
    Run Keyword And Expect Error
    ...    STARTS:The state of the board on console 'left.console' should be 'off', and is 'named'.
    ...    Device State Should Be    off

Keyword That Fails On The Way
    Define My States
    Set Device Credentials    root    ${SECRET}
    Ensure Device State    off
    Ensure Device State    shell
    Run Keyword And Expect Error
    ...    EQUALS:State 'failing' was not reached from 'shell': Keyword 'Fail On The Way' failed: The button is stuck.
    ...    Ensure Device State    failing
    Run Keyword And Expect Error
    ...    STARTS:State 'failing' was not tried again, because it broke at
    ...    Ensure Device State    failing

Names That Are Taken
    Run Keyword And Expect Error
    ...    EQUALS:'off' cannot be the name of a state of one's own
    ...    Define Device State    off    detect=x
    Run Keyword And Expect Error
    ...    EQUALS:A way leads from 'nowhere' to 'late', but there is no state 'nowhere'. Define it with detect.
    ...    Define Device State    late    detect=late:    enter=No Operation    source=nowhere

Settings That Cannot Be Used
    [Template]    States File Should Be Refused
    - a list    ${SPACE}must hold a mapping, not a list.
    state: {}    , line 1: state: there is no such key. Known: settings, timing, states, failing_patterns, profiles.
    settings: {passwort: x}
    ...    , line 1: settings.passwort: there is no such key. Known: prompt, boot, off_time, user, power, login_prompt, password_prompt, line_end, key, pattern, interval.
    settings: {off_time: soon}
    ...    , line 1: settings.off_time: it must be a length of time from 0 seconds to 365 days, such as 90 (seconds), '500 ms', '1h30m' or 'PT1H30M', not 'soon'.
    settings: {pattern: "regexp:("}
    ...    , line 1: settings.pattern: '(' is not a valid regular expression: missing ), unterminated subpattern at position 0.

States That Cannot Be Used
    [Template]    States File Should Be Refused
    states: {slow: {detect: x, wait: 1}}
    ...    , line 1: states.slow.wait: there is no such key. Known: detect, nudge, timeout, cost, enter.
    states: {slow: {detect: 5}}    , line 1: states.slow.detect: text is needed, not a number.
    states: {slow: {detect: x, cost: -1}}
    ...    , line 1: states.slow.cost: a number from 0 on is needed, not -1.
    states: {slow: {detect: x, enter: {off: []}}}
    ...    , line 1: states.slow.enter.off: a list of actions is needed.
    states: {off: {detect: x}}    , line 1: states.off: 'off' cannot be the name of a state of one's own.

Actions That Cannot Be Used
    [Template]    Action Should Be Refused
    {jump: high}
    ...    : there is no action 'jump', only power, type, key, wait, interrupt, uboot, boot, run, log_in, call, pause.
    type    : an action is a mapping of one name, such as 'type: boot'.
    {power: maybe}    .power: it must be one of on, off, cycle, not 'maybe'.
    {call: [button]}    .call: it must be a list of a driver path, a method and its arguments, not a list.
    {log_in: root}    .log_in: it must be true, not 'root'.
    {interrupt: 1}    .interrupt: it must be true, not 1.
    {wait: "regexp:("}
    ...    .wait: '(' is not a valid regular expression: missing ), unterminated subpattern at position 0.
    {pause: long}
    ...    .pause: it must be a length of time from 0 seconds to 365 days, such as 90 (seconds), '500 ms', '1h30m' or 'PT1H30M', not 'long'.

Files That Are None
    Run Keyword And Expect Error
    ...    EQUALS:The states file '${CURDIR}/nowhere.yaml' cannot be read: No such file or directory. Check its path.
    ...    Load Device States    ${CURDIR}/nowhere.yaml
    ${path} =    Write Yaml    {
    Run Keyword And Expect Error
    ...    EQUALS:The states file '${path}' is no valid YAML in line 1, column 2: expected the node content, but found '<stream end>'.
    ...    Load Device States    ${path}


*** Keywords ***
Load Own States
    Set Device Credentials    root    ${SECRET}
    ${names} =    Load Device States    ${CURDIR}/resources/own_states.yaml
    RETURN    ${names}

Connect To Two Boards
    ${host} =    Start Exporter    ${CURDIR}/resources/two_boards.yaml
    VAR    ${HOST} =    ${host}    scope=SUITE
    Connect To Exporter    ${HOST}

Connect To Board With Two Powers
    ${host} =    Start Exporter    ${CURDIR}/resources/two_powers.yaml
    VAR    ${CROWDED} =    ${host}    scope=TEST
    Connect To Exporter    ${CROWDED}    alias=crowded

Artefacts Should Not Contain
    [Arguments]    ${word}
    ${files} =    List Files In Directory    ${OUTPUT_DIR}/jumpstarter-artefacts/device    absolute=yes
    Should Not Be Empty    ${files}
    FOR    ${file}    IN    @{files}
        ${content} =    Get Binary File    ${file}
        Should Not Contain    ${content}    ${{ $word.encode() }}
    END

States File Should Be Refused
    [Arguments]    ${content}    ${message}
    ${path} =    Write Yaml    ${content}
    Run Keyword And Expect Error
    ...    EQUALS:The states file '${path}'${message}
    ...    Load Device States    ${path}

Action Should Be Refused
    [Arguments]    ${action}    ${message}
    States File Should Be Refused
    ...    states: {slow: {detect: x, enter: {any: [${action}]}}}
    ...    , line 1: states.slow.enter.any[0]${message}
