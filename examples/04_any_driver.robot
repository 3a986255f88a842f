*** Settings ***
Documentation     Every driver of an exporter can be called by name, also one that has no keywords of its own.

Resource          device.resource

Suite Setup       Acquire Device
Suite Teardown    Call Driver    ${POWER}    off


*** Variables ***
${POWER}    power


*** Test Cases ***
Call A Method
    Call Driver    ${POWER}    on

Read A Stream
    ${readings} =    Stream From Driver    ${POWER}    read    limit=2
    Length Should Be    ${readings}    2
    Should Contain    ${readings}[1]    voltage

Ask What A Driver Can Do
    Driver Should Support    ${POWER}    read
    Run Keyword And Expect Error    Driver '${POWER}' does not support 'fly'.*
    ...    Driver Should Support    ${POWER}    fly
