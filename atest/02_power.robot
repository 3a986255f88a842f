*** Settings ***
Documentation    Power: on, off, cycle, readings, and how each of them fails.

Library          JumpstarterLibrary
Library          libraries/ChildRun.py
Resource         resources/exporters.resource

Suite Setup      Connect To Fresh Exporter    ${CROWDED}


*** Variables ***
${ONE}    relays.main


*** Test Cases ***
On, Off And Cycle
    [Setup]    Connect To Another Exporter    ${RECORDING}    recorder
    Power On
    Switched Should Be    on
    Power Off
    Switched Should Be    on    off
    Power Cycle    off_time=50 ms
    Switched Should Be    on    off    off    on
    ${pause} =    Call Driver    power    last_pause
    Should Be True    0.05 <= $pause < 5
    [Teardown]    Disconnect    device=recorder

Readings Have Units
    ${readings} =    Get Power Readings    driver=${ONE}
    Length Should Be    ${readings}    2
    Should Be Equal As Strings    ${readings}[1]    5 V, 2 A, 10 W
    Should Be Equal    ${readings[1].power}    ${10.0}

Readings Stop At The Number Asked For
    ${readings} =    Get Power Readings    samples=3    driver=relays.zero
    Length Should Be    ${readings}    3

Readings That Are All Zero Get A Warning
    ${result} =    Run Child Suite    _children/zero_readings.robot    JUMPSTARTER_HOST=${HOST}
    Should Contain
    ...    ${result.stdout}
    ...    [ WARN ] All 3 readings of power driver 'relays.zero' are 0 V and 0 A.

Numbers That Cannot Be
    Run Keyword And Expect Error
    ...    EQUALS:0 is no number of power readings to take.
    ...    Get Power Readings    samples=0    driver=${ONE}
    Run Keyword And Expect Error
    ...    EQUALS:A power cycle cannot take -1 seconds. Nothing was switched.
    ...    Power Cycle    off_time=-1 s    driver=${ONE}

The Only Driver Is Used
    ${host} =    Start Exporter    ${HEALTHY}
    Connect To Exporter    ${host}    alias=healthy
    Power On
    [Teardown]    Run Keywords    Disconnect    device=healthy    AND    Stop Exporter    ${host}

Several Drivers
    VAR    ${message} =
    ...    EQUALS:The exporter '${HOST}' has several power drivers: relays.main, relays.broken, relays.zero, relays.blind. Say which with driver=.
    Run Keyword And Expect Error    ${message}    Power On
    Run Keyword And Expect Error    ${message}    Power Off
    Run Keyword And Expect Error    ${message}    Power Cycle
    Run Keyword And Expect Error    ${message}    Get Power Readings

No Power Driver
    ${host} =    Start Exporter    ${BARE}
    Connect To Exporter    ${host}    alias=bare
    Run Keyword And Expect Error
    ...    EQUALS:The exporter '${host}' has no power driver. It has: echo. The device is 'bare' (exporter '${host}').
    ...    Power On
    [Teardown]    Disconnect    device=bare

Unknown Driver
    Run Keyword And Expect Error
    ...    EQUALS:No driver 'mian' under 'relays'. It has: blind, broken, main, zero.
    ...    Power On    driver=relays.mian
    Run Keyword And Expect Error
    ...    EQUALS:No driver 'relay'. It has: faulty, files, flasher, forgetful, full, gone, loop, mux, relays, silent, slow, uboot.
    ...    Power On    driver=relay.main

Driver Of Another Kind
    Run Keyword And Expect Error
    ...    EQUALS:Driver 'loop' is no power driver; its exporter calls it 'jumpstarter_driver_pyserial.client.PySerialClient'.
    ...    Power On    driver=loop

Broken Hardware
    Run Keyword And Expect Error
    ...    EQUALS:'on' of driver 'relays.broken' failed on the exporter: the relay is stuck.
    ...    Power On    driver=relays.broken
    VAR    ${off} =    EQUALS:'off' of driver 'relays.broken' failed on the exporter: the relay is stuck.
    Run Keyword And Expect Error    ${off}    Power Off    driver=relays.broken
    Run Keyword And Expect Error    ${off}    Power Cycle    driver=relays.broken

No Reading In Time
    Run Keyword And Expect Error
    ...    EQUALS:Driver 'relays.broken' gave no power reading within 200 milliseconds. Give it more time with timeout=.
    ...    Get Power Readings    driver=relays.broken    timeout=0.2 s

Driver That Does Not Measure
    Run Keyword And Expect Error
    ...    STARTS:Driver 'relays.blind' has no streaming method 'read': UnmeasuredPower exports no method 'read'.
    ...    Get Power Readings    driver=relays.blind


*** Keywords ***
Switched Should Be
    [Documentation]    Asks the driver what it was told to do.
    [Arguments]    @{expected}
    ${switched} =    Call Driver    power    history
    Should Be Equal    ${switched}    ${expected}
