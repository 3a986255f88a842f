*** Settings ***
Documentation     From an image to a shell: needs a board with power, storage and a console that boots Linux.

Resource          device.resource

Suite Setup       Install And Boot
Suite Teardown    Power Off


*** Variables ***
${IMAGE}       ${CURDIR}/images/hello.img
${USER}        root
${PASSWORD}    root


*** Test Cases ***
Board Boots
    Console Should Contain    regexp:Linux version (?P<version>\\S+)    since=power_on
    Console Should Not Contain    Kernel panic    since=power_on

Shell Runs Commands
    ${name} =    Run Command    hostname
    Should Be Equal    ${name.stdout}    hello
    Run Command    cat /nowhere    expect_status=1

Board Survives A Power Cut
    Run Command    echo unsaved > /tmp/file
    Power Cycle    off_time=0.1 s
    Log In To Console    ${USER}    ${PASSWORD}
    Run Command    test -e /tmp/file    expect_status=1

Silence Is Reported With Evidence
    Power Off
    Run Keyword And Expect Error    No match for 'login:' on console 'console' in 200 milliseconds.*
    ...    Console Should Contain    login:    timeout=0.2 s


*** Keywords ***
Install And Boot
    Acquire Device
    Power Off
    Write Image    ${IMAGE}
    Power On
    Log In To Console    ${USER}    ${PASSWORD}
