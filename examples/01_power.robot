*** Settings ***
Documentation     Power: the first thing to try on any board.

Resource          device.resource

Suite Setup       Acquire Device
Suite Teardown    Power Off    driver=${POWER}


*** Variables ***
# Path of the power driver. On your own board: --variable POWER:dutlink.power
${POWER}    power


*** Test Cases ***
Board Has A Power Driver
    Log Device Tree
    ${drivers} =    List Drivers
    Should Contain    ${drivers}    ${POWER}

Board Takes Power When It Is On
    Power Off    driver=${POWER}
    Power On    driver=${POWER}
    ${readings} =    Get Power Readings    samples=5    driver=${POWER}
    Should Be True    4.5 < ${readings[-1].voltage} < 5.5
    Should Be True    ${readings[-1].power} > 0

Board Can Be Power Cycled
    Power Cycle    off_time=0.1 s    driver=${POWER}
