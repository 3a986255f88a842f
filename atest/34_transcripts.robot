*** Settings ***
Documentation    What a console leaves behind: every byte in one file, and timed lines of both directions in another; no
...              secret in any file.

Library          Collections
Library          OperatingSystem
Library          JumpstarterLibrary    timeout=5 s
Library          libraries/ChildRun.py
Library          libraries/Transcripts.py
Resource         resources/exporters.resource

Suite Setup      Connect To Fresh Exporter    ${TALKATIVE}    files


*** Variables ***
${RAW}         ${OUTPUT_DIR}/jumpstarter-artefacts/files/talker.log
${TIMED}       ${OUTPUT_DIR}/jumpstarter-artefacts/files/talker.timed.log
${PASSWORD}    swordfish-4711


*** Test Cases ***
Every Byte Is There
    ${bytes} =    Say Random Bytes    300000
    Call Driver    talker    say    the end\n
    Console Should Contain    the end    driver=talker
    Transcript Should Have    ${RAW}    ${bytes}

Times And Directions
    Mark Console    here    driver=talker
    Call Driver    talker    say    U-Boot 2026.01\nboard login:${SPACE}
    Console Should Contain    login:    driver=talker
    Write To Console    root    driver=talker
    Console Should Contain    root\n    driver=talker
    Send Control Character    c    driver=talker
    Console Should Contain    \x03    driver=talker
    Power On
    VAR    @{expected} =
    ...    < U-Boot 2026.01
    ...    < board login:${SPACE}
    ...    > root
    ...    + root
    ...    > \\n
    ...    > \\x03
    ...    < \x03
    ...    = mark power_on
    Timed Lines Should Be    @{expected}

The Log Links Both
    ${child} =    Run Child Suite
    ...    _children/consoles/crashes.robot    --test    The Next Test*    JUMPSTARTER_HOST=${HOST}
    ${log} =    Get File    ${child.output}/output.xml
    Should Contain    ${log}    href="jumpstarter-artefacts/device/talker.log"
    Should Contain    ${log}    href="jumpstarter-artefacts/device/talker.timed.log"
    File Should Exist    ${child.output}/jumpstarter-artefacts/device/talker.log
    File Should Exist    ${child.output}/jumpstarter-artefacts/device/talker.timed.log

The Event Log Has The Actions And Where The Bytes Are
    Connect To Fresh Exporter    ${TALKATIVE}    logged
    Power On
    Call Driver    talker    say    U-Boot 2026.01\n
    Console Should Contain    U-Boot    driver=talker
    Run Keyword And Expect Error    *    Call Driver    talker    no_such_method
    Disconnect    device=logged
    Events Should Be    ${OUTPUT_DIR}/jumpstarter-artefacts/logged/events.jsonl
    ...    opened    link connected    power on True    answer on    answer say    console talker talker.log
    ...    answer no_such_method JMP-DRIVER-METHOD-NOT-IMPLEMENTED    closed

No Secret Is In Any File
    ${host} =    Start Exporter    ${TALKATIVE}
    ${child} =    Run Child Suite
    ...    _children/consoles/secrets.robot    --loglevel    TRACE    --debugfile    debug.txt
    ...    JUMPSTARTER_HOST=${host}    CHILD_PASSWORD=${PASSWORD}
    Should Be Equal As Integers    ${child.rc}    3
    Should Not Contain    ${child.stdout}    ${PASSWORD}
    No File Should Have    ${child.output}    ${PASSWORD}
    ${timed} =    Get File    ${child.output}/jumpstarter-artefacts/device/talker.timed.log
    Should Contain    ${timed}    > ********
    VAR    @{messages} =    @{child.messages}
    Should Contain    ${messages}[1]    \n${SPACE*2}********
    Should Be Equal
    ...    ${messages}[2]
    ...    Console 'talker' said '********', which it should not. The line was: '********'.

Secrets Are In No File Of A Board That Keeps Them
    ${child} =    Run Child Suite
    ...    _children/secret.robot    --loglevel    TRACE    CHILD_PASSWORD=${PASSWORD}
    Should Not Contain    ${child.stdout}    ${PASSWORD}
    No File Should Have    ${child.output}    ${PASSWORD}

A Transcript That Cannot Be Written
    Create File    ${OUTPUT_DIR}/jumpstarter-artefacts/blocked
    Run Keyword And Expect Error
    ...    REGEXP:The transcript '.*jumpstarter-artefacts/blocked/talker\\.log' cannot be written: .*\\. Choose another output directory\\.
    ...    Connect To Exporter    ${HOST}    alias=blocked
    [Teardown]    Remove File    ${OUTPUT_DIR}/jumpstarter-artefacts/blocked


*** Keywords ***
Timed Lines Should Be
    [Arguments]    @{expected}
    @{lines} =    Timed Lines Since    ${TIMED}    = mark here
    Lists Should Be Equal    ${lines}    ${expected}

Say Random Bytes
    [Arguments]    ${count}
    ${bytes} =    Random Bytes    ${count}
    @{pieces} =    Cut    ${bytes}    50000
    FOR    ${piece}    IN    @{pieces}
        Call Driver    talker    say_bytes    ${piece.hex()}
    END
    RETURN    ${bytes}
