*** Settings ***
Documentation     The library behind Robot Framework's Remote protocol: arguments are texts, results are plain data.

Library           Collections
Library           OperatingSystem
Library           Process

Suite Setup       Import The Library Remotely
Suite Teardown    Stop The Server


*** Variables ***
${IMAGE}     ${CURDIR}/../examples/images/hello.img
${SERVER}    ${CURDIR}/libraries/remote_server.py


*** Test Cases ***
From Power To A Command
    Acquire Lease    board=virtual
    Write Image    ${IMAGE}    verify=read_back
    Power Cycle    off_time=0 s
    Log In To Console    root    root    timeout=20 s
    ${result} =    Run Command    echo out; false    expect_status=0|1
    Should Be Equal    ${result.stdout}    out
    Should Be Equal    ${result.stderr}    ${EMPTY}
    Should Be Equal As Integers    ${result.rc}    1
    Get Console Text    contains    login:    timeout=0    since=power_on

Results Are Dictionaries
    ${lease} =    Get Lease
    Should Be Equal    ${lease.labels.board}    virtual
    Should Be True    0 < ${lease.time_left} <= 1800
    ${readings} =    Get Power Readings    samples=${2}
    Length Should Be    ${readings}    2
    Should Be True    4 < ${readings}[0][voltage] < 6

Arguments That Cannot Be Converted
    Run Keyword And Expect Error
    ...    EQUALS:Argument 'timeout' got value 'soon' that cannot be converted to Duration: must be a length of time from 0 seconds to 365 days, such as 90 (seconds), '500 ms', '1h30m' or 'PT1H30M', not 'soon'
    ...    Run Command    true    timeout=soon

Arguments Without Their Names
    Run Keyword And Expect Error
    ...    EQUALS:Keyword 'Remote.Power On' expected 0 non-named arguments, got 1.
    ...    Power On    power

Nothing Travels As An Empty Text
    Power On    device=${None}    driver=${None}

Errors Hint At Keywords
    Power Off
    Run Keyword And Expect Error    *    Run Command    true    timeout=0.2 s
    Run Keyword And Expect Error
    ...    EQUALS:No device 'left' is connected. Connected devices: device.
    ...    Power On    device=left

A Device That Was Released Does Not Come Again
    Release Lease
    Run Keyword And Expect Error
    ...    EQUALS:No device is connected: device 'device' was released. Use Acquire Lease or Connect To Exporter first.
    ...    Power On


*** Keywords ***
Import The Library Remotely
    VAR    ${file} =    ${TEMPDIR}/jumpstarter-remote-${{ os.getpid() }}
    Remove File    ${file}
    Start Process    ${{ sys.executable }}    ${SERVER}    ${file}    mode\=virtual    stdin=PIPE    stderr=STDOUT
    Wait Until Created    ${file}    20 s
    Wait Until Keyword Succeeds    5 s    50 ms    File Should Not Be Empty    ${file}
    ${port} =    Get File    ${file}
    Remove File    ${file}
    Import Library    Remote    http://127.0.0.1:${port}

Stop The Server
    ${process} =    Get Process Object
    Evaluate    $process.stdin.close()
    ${result} =    Wait For Process    timeout=20 s    on_timeout=kill
    Should Be Equal As Integers    ${result.rc}    0    ${result.stdout}    values=False
