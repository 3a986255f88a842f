*** Settings ***
Documentation    Timing: time limits and pauses for slow boards, and which of several counts.

Library          JumpstarterLibrary    timing=login_timeout=400 ms, command_timeout=400 ms
Library          libraries/Boards.py
Resource         resources/exporters.resource

Suite Setup      Start Quiet Port
Test Teardown    Disconnect


*** Variables ***
${FIELDS}    answer_timeout, boot_silence, boot_timeout, char_delay, command_timeout, connect_timeout, echo_timeout, exporter_silence, interrupt_timeout, login_timeout, nudge_delay, power_off_time, power_timeout, probe_timeout, prompt_settle, state_timeout, trace_silence, transfer_silence, uboot_command_timeout, uboot_prompt_timeout, unlock_timeout, write_timeout


*** Test Cases ***
The Library Import
    Connect To Exporter    ${QUIET}
    Login Should Time Out After    400 milliseconds

A Connection Before The Library Import
    Connect To Exporter    ${QUIET}    timing=login_timeout=300 ms
    Login Should Time Out After    300 milliseconds
    # What it does not give is the library's.
    Run Keyword And Expect Error
    ...    STARTS:Command 'true' found no shell on console 'talker' within 400 milliseconds.
    ...    Run Command    true    driver=talker

A Dictionary
    VAR    &{timing} =    login timeout=${0.3}    command_timeout=1 min
    Connect To Exporter    ${QUIET}    timing=${timing}
    Login Should Time Out After    300 milliseconds

A States File Before The Connection
    Connect To Exporter    ${QUIET}    timing=login_timeout=300 ms
    Load Timing    {login_timeout: 200 ms}    driver=talker
    Login Should Time Out After    200 milliseconds
    # It is for one board.
    Run Keyword And Expect Error
    ...    STARTS:No login on console 'breaker' within 300 milliseconds.
    ...    Log In To Console    driver=breaker

A Keyword Before All Of Them
    Connect To Exporter    ${QUIET}    timing=login_timeout=300 ms
    Load Timing    {login_timeout: 200 ms}    driver=talker
    Login Should Time Out After    100 milliseconds    timeout=100 ms
    Login Should Time Out After    200 milliseconds    timeout=PT0.2S

A Board That Answers Late
    Start Late Board
    Get Device State    ==    unknown
    Load Timing    {answer_timeout: 20 s}
    Get Device State    ==    login
    Disconnect
    Start Late Board    timing=answer_timeout=20 s
    Get Device State    ==    login

A Lease
    Import Library    JumpstarterLibrary    mode=virtual    timing=login_timeout=300 ms    AS    Leasing
    Leasing.Acquire Lease    board=virtual
    Run Keyword And Expect Error
    ...    STARTS:No login on console 'console' within 300 milliseconds.
    ...    Leasing.Log In To Console
    # Shared, with another timing.
    Leasing.Acquire Lease    board=virtual    timing=login_timeout=200 ms
    Run Keyword And Expect Error
    ...    STARTS:No login on console 'console' within 200 milliseconds.
    ...    Leasing.Log In To Console
    [Teardown]    Run Keywords    Leasing.Release Lease    AND    Leasing.Release Lease

What Cannot Be Is Told
    [Template]    Timing Should Be Refused
    logn_timeout=5 min    A timing has no 'logn_timeout'. Did you mean 'login_timeout'? It has: ${FIELDS}.
    login_timeout    The timing 'login_timeout' has no value. Give one such as login_timeout=5 min, echo_timeout=2 s.
    login_timeout=soon
    ...    The timing 'login_timeout' must be a length of time from 0 seconds to 365 days, such as 90 (seconds), '500 ms', '1h30m' or 'PT1H30M', not 'soon'.
    login_timeout=1 s, login_timeout=2 s    The timing gives 'login_timeout' twice. Leave one of the two out.
    [Teardown]    NONE

What A Library Import Is Told
    Run Keyword And Expect Error
    ...    REGEXP:Initializing library 'JumpstarterLibrary' with arguments \\[ timing=logn_timeout=5 min \\] failed: (ConfigurationError: )?A timing has no 'logn_timeout'\\. (?s:.*)
    ...    Import Library    JumpstarterLibrary    timing=logn_timeout=5 min    AS    Refused
    [Teardown]    NONE


*** Keywords ***
Start Quiet Port
    ${host} =    Start Exporter    ${TALKATIVE}
    VAR    ${QUIET} =    ${host}    scope=SUITE
    Set Library Search Order    JumpstarterLibrary

Start Late Board
    [Arguments]    &{options}
    ${host} =    Start Exporter    ${CURDIR}/resources/late.yaml
    Connect To Exporter    ${host}    &{options}
    Power On
    Console Should Contain    login:

Login Should Time Out After
    [Arguments]    ${limit}    &{options}
    Run Keyword And Expect Error
    ...    STARTS:No login on console 'talker' within ${limit}.
    ...    Log In To Console    driver=talker    &{options}

Load Timing
    [Arguments]    ${timing}    &{options}
    ${path} =    Write Yaml    timing: ${timing}
    Load Device States    ${path}    &{options}

Timing Should Be Refused
    [Arguments]    ${timing}    ${message}
    Run Keyword And Expect Error    EQUALS:${message}    Connect To Exporter    ${QUIET}    timing=${timing}
