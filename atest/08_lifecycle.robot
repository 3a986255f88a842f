*** Settings ***
Documentation    What happens to devices when suites end, runs are interrupted and tests time out.

Library          OperatingSystem
Library          String
Library          JumpstarterLibrary
Library          libraries/ChildRun.py
Resource         resources/exporters.resource

Suite Setup      Start Crowded Exporter


*** Test Cases ***
Interrupted Runs End At Once And In Order
    [Template]    Interrupted Run Should End
    SIGINT    Call
    SIGTERM    Call
    SIGINT    Upload
    SIGTERM    Upload
    SIGINT    Wait
    SIGTERM    Wait

Test Timeout Ends A Waiting Call
    ${result} =    Run Child Suite    _children/waits.robot    --test    Keyword Timeout    JUMPSTARTER_HOST=${HOST}
    Should Contain    ${result.stdout}    Test timeout 1 second exceeded.
    Should Be True    ${result.seconds} < 20

Devices Are Closed With Their Suite
    ${result} =    Run Child Suite    _children/two_suites    JUMPSTARTER_HOST=${HOST}
    Should Be Equal As Integers    ${result.rc}    0

Dry Run Needs No Exporter
    ${result} =    Run Child Suite    ../examples    --dryrun    JUMPSTARTER_HOST=/no/such/socket
    Should Be Equal As Integers    ${result.rc}    0
    ${result} =    Run Child Suite    _children/waits.robot    --dryrun
    Should Be Equal As Integers    ${result.rc}    0

Dry Run Finds Bad Arguments
    ${result} =    Run Child Suite    _children/bad_arguments.robot    --dryrun
    Should Be Equal As Integers    ${result.rc}    3

Secrets Are In No Artefact
    ${result} =    Run Child Suite
    ...    _children/secret.robot
    ...    --loglevel
    ...    TRACE
    ...    JUMPSTARTER_HOST=${HOST}
    ...    CHILD_PASSWORD=topsecret42
    Should Be Equal As Integers    ${result.rc}    1
    Should Not Contain    ${result.stdout}    topsecret42
    ${output} =    Get File    ${result.output}/output.xml
    Should Not Contain    ${output}    topsecret42
    Should Contain    ${output}    refused

No Message Has A Traceback Or A Class Path
    ${result} =    Run Child Suite    _children/failures.robot    JUMPSTARTER_HOST=${HOST}
    Should Be Equal As Integers    ${result.rc}    6
    FOR    ${message}    IN    @{result.messages}
        Should Not Be Empty    ${message}
        Should Not Contain Any    ${message}    Traceback    RpcError    grpc.    JumpstarterLibrary.
    END


*** Keywords ***
Start Crowded Exporter
    ${host} =    Start Exporter    ${CROWDED}
    VAR    ${HOST} =    ${host}    scope=SUITE

Interrupted Run Should End
    [Arguments]    ${signal}    ${test}
    ${result} =    Interrupt Child Suite    _children/waits.robot    --test    ${test}    signal_name=${signal}
    ...    when=waiting now    JUMPSTARTER_HOST=${HOST}
    Should Be True    ${result.after_signal} < 10
    Should Contain    ${result.stdout}    Execution terminated by signal
    # The exporter has survived it, and the device is free.
    Connect To Exporter    ${HOST}
    Call Driver    faulty    echo
    [Teardown]    Disconnect
