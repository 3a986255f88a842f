*** Settings ***
Documentation    Any driver by name, and every way in which one can fail.

Library          Collections
Library          JumpstarterLibrary
Resource         resources/exporters.resource

Suite Setup      Connect To Fresh Exporter    ${CROWDED}


*** Test Cases ***
Values Come Back As They Were Sent
    ${values} =    Call Driver    faulty    echo    text    ${5}    ${2.5}    ${True}    ${None}    ${{ [1, {'a': 'b'}] }}
    Should Be Equal    ${values}    ${{ ['text', 5, 2.5, True, None, [1, {'a': 'b'}]] }}

Endless Stream Is Bounded
    ${numbers} =    Stream From Driver    faulty    count    limit=3
    Should Be Equal    ${numbers}    ${{ [0, 1, 2] }}
    ${numbers} =    Stream From Driver    faulty    count    timeout=0.2 s
    Should Not Be Empty    ${numbers}

Limit That Cannot Be
    Run Keyword And Expect Error
    ...    EQUALS:limit=0 is no number of results to take.
    ...    Stream From Driver    faulty    count    limit=0

Support Is Known Without Calling
    Driver Should Support    faulty    hang
    Driver Should Support    faulty    count
    Driver Should Support    loop    connect
    Run Keyword And Expect Error
    ...    EQUALS:Driver 'faulty' does not support 'fly'. Its exporter calls it 'atest.Faulty'; check the name of the method.
    ...    Driver Should Support    faulty    fly
    Run Keyword And Expect Error
    ...    EQUALS:Driver 'faulty' does not support 'reset'. Its exporter calls it 'atest.Faulty'; check the name of the method.
    ...    Driver Should Support    faulty    reset

Unknown Driver
    VAR    ${message} =    EQUALS:No driver 'fualty' under 'relays'. It has: blind, broken, main, zero.
    Run Keyword And Expect Error    ${message}    Call Driver    relays.fualty    fail
    Run Keyword And Expect Error    ${message}    Stream From Driver    relays.fualty    count
    Run Keyword And Expect Error    ${message}    Driver Should Support    relays.fualty    fail

Unknown Method
    Run Keyword And Expect Error
    ...    EQUALS:Driver 'faulty' has no unary method 'fly': Faulty exports no method 'fly'. For a unary call it has: echo, fail, hang. Check the name, and whether it is a unary call, a streaming call or a byte stream.
    ...    Call Driver    faulty    fly

Method Of Another Kind
    Run Keyword And Expect Error
    ...    STARTS:Driver 'faulty' has no unary method 'count': The method 'count' of Faulty is for a streaming call
    ...    Call Driver    faulty    count
    Run Keyword And Expect Error
    ...    STARTS:Driver 'faulty' has no streaming method 'hang': The method 'hang' of Faulty is for a unary call
    ...    Stream From Driver    faulty    hang

Value That Cannot Travel
    [Template]    Value Should Be Refused
    ${{ b'\xff' }}
    ...    1 bytes are not UTF-8 text, and the protocol has no binary value; send base64 or hexadecimal text, or use a resource
    ${{ float('nan') }}    nan is not a finite number; send None or text
    ${{ 2**60 }}    1152921504606846976 is beyond 2**53 and would be rounded; send it as text
    ${{ object() }}    a value of type object cannot travel; send text, numbers, lists or mappings

Arguments That Are Too Large
    ${large} =    Evaluate    'x' * 5_000_000
    Run Keyword And Expect Error
    ...    REGEXP:The arguments of 'echo' of driver 'faulty' were not sent: they take 50000\\d\\d bytes, and exporters accept 4194304 in one message\\. Use a file or resource for large data\\.
    ...    Call Driver    faulty    echo    ${large}

Wrong Number Of Arguments
    Run Keyword And Expect Error
    ...    REGEXP:'fail' of driver 'faulty' failed on the exporter: .*fail\\(\\).*argument.*
    ...    Call Driver    faulty    fail

Every Failure Has Its Sentence
    [Template]    Failure Should Read
    value    Driver 'faulty' did not accept the arguments of 'fail': the value is too large.
    timeout
    ...    Driver 'faulty' gave up by itself in 'fail': the relay did not answer. No timeout= of this side was involved.
    connection
    ...    Driver 'faulty' could not reach its hardware in 'fail': the relay is offline. The exporter itself answers.
    os    'fail' of driver 'faulty' failed on the exporter: the disk is full.
    missing    'fail' of driver 'faulty' is not implemented by the exporter '${HOST}': this relay cannot do that.
    runtime    'fail' of driver 'faulty' failed on the exporter: the relay is stuck.

Call That Does Not End
    Run Keyword And Expect Error
    ...    EQUALS:'hang' of driver 'faulty' did not finish within 200 milliseconds and was cancelled. The exporter may still be working on it. Give it more time with timeout=.
    ...    Call Driver    faulty    hang    timeout=0.2 s

Stream That Fails
    Run Keyword And Expect Error
    ...    EQUALS:'fail_after_two' of driver 'faulty' failed on the exporter: the relay is stuck.
    ...    Stream From Driver    faulty    fail_after_two


*** Keywords ***
Value Should Be Refused
    [Arguments]    ${value}    ${reason}
    Run Keyword And Expect Error
    ...    EQUALS:Argument 1 of 'echo' of driver 'faulty' was not sent: ${reason}.
    ...    Call Driver    faulty    echo    ${value}

Failure Should Read
    [Arguments]    ${how}    ${message}
    Run Keyword And Expect Error    EQUALS:${message}    Call Driver    faulty    fail    ${how}
