*** Settings ***
Documentation    What a lost link does to what is known of a device's state.

Library          JumpstarterLibrary    mode=virtual    timeout=15 s
Resource         resources/faults.resource

Suite Setup      Use The Lab
Test Setup       Lease A Board
Test Teardown    Nothing Should Remain
Test Timeout     40 s


*** Test Cases ***
State Is Lost With The Link
    Ensure Device State    bootloader
    Get Device State    ==    bootloader    look=no
    Drop The Tunnel
    Get Device State    ==    unknown    look=no
    Get Device State    ==    bootloader
    Get Device State    ==    bootloader    look=no
    Run U-Boot Command    version

State Is Found Again Behind A New Link
    Ensure Device State    bootloader
    Set U-Boot Variable    marker    kept
    Drop The Tunnel
    ${steps} =    Ensure Device State    bootloader
    Should Be Empty    ${steps}
    Get U-Boot Variable    marker    ==    kept

An Image Forgives
    [Documentation]    What a board has failed to boot says nothing of the image that is written next.
    Power Off
    Write Image    ${CURDIR}/resources/bare.yaml
    Run Keyword And Expect Error
    ...    STARTS:State 'login' was not reached from
    ...    Ensure Device State    shell    password=root
    Run Keyword And Expect Error
    ...    STARTS:State 'login' was not tried again, because it broke at
    ...    Ensure Device State    shell    password=root
    Power Off
    Write Image    ${CURDIR}/../examples/images/hello.img
    Ensure Device State    shell    password=root
    Power Off

Link That Is Lost On The Way Is No Fault Of The Board
    Ensure Device State    bootloader
    Inject Fault    driver    delay    delay=20    method=off
    Inject Fault    router    drop    after=0.3
    Run Keyword And Expect Error
    ...    STARTS:The tunnel to exporter 'virtual-1' (lease '${LEASE}') broke during 'off' of driver 'power'
    ...    Ensure Device State    off
    Clear Faults
    Get Device State    ==    unknown    look=no
    Ensure Device State    off
    Ensure Device State    bootloader
