*** Settings ***
Documentation     What an exporter says acts on no terminal and hides in no log: its names, descriptions, failures, log
...               records and consoles. The transcript has the bytes as they came.

Library           OperatingSystem
Library           JumpstarterLibrary
Library           libraries/ChildRun.py
Library           libraries/HostileExporter.py
Resource          resources/exporters.resource

Suite Setup       Run Tests On A Hostile Exporter
Suite Teardown    Stop Hostile Exporters


*** Variables ***
${SHOWN}    RED\\x9b31m\\x08\\x08\\rover\\u202e\\u2066 <b>&\\x00\\u2028 end
${NAME}     \\x1b]52;c;aGVsbG8=\\x07\\x1b[31mRED\\x1b[2J\\x9b31m\\x08\\x08\\rover\\u202e\\u2066 <b>&\\x00\\u2028 end


*** Test Cases ***
Failures Are Sentences
    VAR    ${messages} =    ${CHILD.messages}
    Should Be Equal    ${messages}[0]    ${EMPTY}
    Should Match    ${messages}[1]    No match for 'NEVER' on console 'console' in 500 milliseconds.*
    Should Be Equal
    ...    ${messages}[2]
    ...    'on' of driver 'power' failed on the exporter: details${SHOWN} line two.
    Should Be Equal
    ...    ${messages}[3]
    ...    The exporter '${HOST}' has several power drivers: power, odd${NAME}. Say which with driver=.
    Should Be Equal
    ...    ${messages}[4]
    ...    No driver 'none'. It has: any, console, odd${NAME}, power.
    Should Be Equal    ${messages}[5]    ${NAME} != other

Nothing Acts On The Terminal
    Text Should Be Printable    ${CHILD.stdout}

Nothing Acts In The Event Log
    File Should Be Printable    ${CHILD.output}/jumpstarter-artefacts/device/events.jsonl

The Transcript Has The Bytes As They Came
    File Should Be Raw    ${CHILD.output}/jumpstarter-artefacts/device/console.log

Two Names Never Share A Transcript
    ${socket} =    Start Exporter    ${CURDIR}/resources/like_names.yaml
    Connect To Exporter    ${socket}    alias=names
    Power On    driver=uart 1.power
    Console Should Contain    first login:    driver=uart 1.console    timeout=20 s
    Power On    driver=uart_1.power
    Console Should Contain    second login:    driver=uart_1.console    timeout=20 s
    Transcript Should Be Of    uart_1.console.log    second    first
    Transcript Should Be Of    uart_1.console-159f059eb50c.log    first    second


*** Keywords ***
Run Tests On A Hostile Exporter
    ${socket} =    Start Hostile Exporter
    VAR    ${HOST} =    ${socket}    scope=SUITE
    ${result} =    Run Child Suite    _children/hostile.robot    --loglevel    TRACE    JUMPSTARTER_HOST=${socket}
    VAR    ${CHILD} =    ${result}    scope=SUITE

Transcript Should Be Of
    [Arguments]    ${file}    ${board}    ${other}
    ${text} =    Get File    ${OUTPUT_DIR}/jumpstarter-artefacts/names/${file}
    Should Contain    ${text}    ${board} login:
    Should Not Contain    ${text}    ${other} login:
