*** Settings ***
Documentation    Exporters that die or fall silent: an error within 5 seconds, never a hang.

Library          JumpstarterLibrary    timeout=20 s
Library          libraries/ChildRun.py
Library          libraries/Images.py
Resource         resources/exporters.resource

Test Setup       Connect To Doomed Exporter
Test Teardown    Disconnect


*** Test Cases ***
Killed During A Call
    [Timeout]    6 s
    Kill Exporter    ${HOST}    after=0.3
    Run Keyword And Expect Error
    ...    REGEXP:The link to exporter '${HOST}' broke during 'hang' of driver 'faulty': .*\\. It is not known whether the exporter carried it out\\.
    ...    Call Driver    faulty    hang

Killed During A Stream
    [Timeout]    6 s
    Kill Exporter    ${HOST}    after=0.3
    Run Keyword And Expect Error
    ...    REGEXP:The link to exporter '${HOST}' broke during 'count' of driver 'faulty': .*\\. It is not known whether the exporter carried it out\\.
    ...    Stream From Driver    faulty    count    limit=100000    timeout=20 s

Killed During An Upload
    [Timeout]    6 s
    ${image} =    Create Random Image    50000000
    Kill Exporter    ${HOST}    after=0.3
    Run Keyword And Expect Error
    ...    REGEXP:The link to exporter '${HOST}' broke during 'write' of driver 'slow': .*\\. It is not known whether the exporter carried it out\\.
    ...    Write Image    ${image}    driver=slow

Killed During A Wait
    [Timeout]    6 s
    Kill Exporter    ${HOST}    after=0.3
    Run Keyword And Expect Error
    ...    REGEXP:The stream of console 'silent' broke while waiting for 'login:': The link to exporter '${HOST}' broke during 'connect' of driver 'silent': .*
    ...    Console Should Contain    login:    driver=silent

Killed Between Two Calls
    [Documentation]    The first call may still have been on its way; the second one surely was not. Why it failed depends
    ...    on whether gRPC has tried to connect again before.
    [Timeout]    6 s
    Kill Exporter    ${HOST}
    Run Keyword And Expect Error
    ...    REGEXP:(The link to exporter|Exporter) '${HOST}' .*'on' of driver 'relays.main'.*
    ...    Power On    driver=relays.main
    Run Keyword And Expect Error
    ...    REGEXP:Exporter '${HOST}' \\(from host=\\) cannot be reached any more: (connection refused|the connection was closed)\\. 'on' of driver 'relays.main' was not sent to it\\. Check that it still runs and listens there\\.
    ...    Power On    driver=relays.main

Frozen Exporter
    [Timeout]    6 s
    Freeze Exporter    ${HOST}
    Run Keyword And Expect Error
    ...    EQUALS:'echo' of driver 'faulty' did not finish within 500 milliseconds and was cancelled. The exporter may still be working on it. Give it more time with timeout=.
    ...    Call Driver    faulty    echo    timeout=0.5 s
    Kill Exporter    ${HOST}

Frozen Exporter Is Lost
    [Documentation]    Nothing waits for ever for an exporter that stands still; the first wait of any kind tells so.
    [Setup]    No Operation
    [Template]    Silence Should Be Told
    unix    {lost} 'on' of driver 'relays.main'    Power On    driver=relays.main
    tcp    {lost} 'hang' of driver 'faulty'    Call Driver    faulty    hang
    unix    The stream of console 'silent' broke while waiting for 'login:': {lost} 'connect' of driver 'silent'
    ...    Console Should Contain    login:    timeout=1 min    driver=silent
    [Teardown]    No Operation

Frozen Exporter Is Found Again
    [Timeout]    20 s
    Disconnect
    Connect To Exporter    ${HOST}    timing=exporter_silence=1 s
    Freeze Exporter    ${HOST}
    Run Keyword And Expect Error    Exporter '${HOST}' (from host=) was lost during*    Power On    driver=relays.main
    Run Keyword And Expect Error
    ...    EQUALS:Exporter '${HOST}' (from host=) was lost: it had answered nothing for 1 second (exporter_silence), and does not answer now. Nothing was sent to it. Check that it still runs.
    ...    Call Driver    relays.main    on    timeout=0.5 s
    Thaw Exporter    ${HOST}
    Power On    driver=relays.main

Frozen Exporter Is No Silent Board
    [Documentation]    A console that is silent because its exporter does not answer tells nothing of the board.
    [Timeout]    20 s
    Console Should Not Contain    panic    within=0.1 s    driver=loop
    Freeze Exporter    ${HOST}
    VAR    ${why} =    It is not known what the board said. Check that the exporter still runs.
    Run Keyword And Expect Error
    ...    EQUALS:Exporter '${HOST}' (from host=) does not answer, so that console 'loop' was silent while 'login:' was awaited. ${why}
    ...    Console Should Contain    login:    timeout=0.5 s    driver=loop
    Run Keyword And Expect Error
    ...    EQUALS:Exporter '${HOST}' (from host=) does not answer, so that console 'loop' was silent while silence about 'panic' was awaited. ${why}
    ...    Console Should Not Contain    panic    within=0.2 s    driver=loop
    Kill Exporter    ${HOST}

Frozen During An Upload
    [Documentation]    The exporter stays frozen; neither the keyword nor the end of the connection waits for it.
    [Timeout]    15 s
    ${image} =    Create Random Image    50000000
    Freeze Exporter    ${HOST}    after=0.3
    Run Keyword And Expect Error
    ...    EQUALS:'write' of driver 'slow' did not finish within 1 second and was cancelled. The exporter may still be working on it. Give it more time with timeout=.
    ...    Write Image    ${image}    driver=slow    timeout=1 s
    Disconnect

Robot Ends Soon After
    [Template]    Robot Should End Soon
    Call
    Upload
    Wait


*** Keywords ***
Connect To Doomed Exporter
    ${host} =    Start Exporter    ${CROWDED}
    VAR    ${HOST} =    ${host}    scope=TEST
    Connect To Exporter    ${HOST}

Silence Should Be Told
    [Arguments]    ${transport}    ${expected}    ${keyword}    @{arguments}    &{named}
    VAR    @{options} =    @{{ ['--tcp', '127.0.0.1:0', '--insecure'] if $transport == 'tcp' else [] }}
    ${host} =    Start Exporter    ${CROWDED}    @{options}
    Connect To Exporter    ${host}    tls=${{ 'plaintext' if $transport == 'tcp' else None }}    timing=exporter_silence=1 s
    Freeze Exporter    ${host}
    VAR    ${lost} =    Exporter '${host}' (from host=) was lost during
    VAR    ${why} =    it has answered nothing for 1 second (exporter_silence), not even the question for its status.
    Run Keyword And Expect Error
    ...    EQUALS:${{ $expected.format(lost=$lost) }}: ${why} It is not known whether it carried it out. Check that it still runs.
    ...    ${keyword}    @{arguments}    &{named}
    Disconnect
    Kill Exporter    ${host}

Robot Should End Soon
    [Documentation]    Kills the exporter while a child run waits for it; the child must end within 5 + 3 seconds.
    [Arguments]    ${what}
    ${host} =    Start Exporter    ${CROWDED}
    ${result} =    Kill Exporter Of Child Suite    ${host}    _children/waits.robot    --test    ${what}
    ...    when=waiting now    JUMPSTARTER_HOST=${host}
    Should Be Equal As Integers    ${result.rc}    1
    Should Be True    ${result.after_signal} < 9
    Should Contain    ${result.stdout}    The link to exporter '${host}' broke during
