*** Settings ***
Documentation    Run as a child by 15_tunnel_faults.robot, beside its own tests: those that take their time.

Library          JumpstarterLibrary    mode=virtual
Library          ../../libraries/Images.py
Resource         ../../resources/faults.resource

Suite Setup      Use The Lab
Test Setup       Lease A Board
Test Teardown    Nothing Should Remain
Test Timeout     45 s


*** Test Cases ***
Odd Frames Do Not Matter
    [Template]    Everything Should Work With
    5000    rechunk    size=1000
    500    rechunk    size=1
    5000    empty-frames
    5000    odd-frames
    5000    slow    delay=0.02

Controller Restart
    [Documentation]    Tunnels stay, and so does the lease.
    Inject Fault    controller    restart    down=0.5
    Power On
    Power Off
    ${same} =    Wait Until Keyword Succeeds    5 s    0.2 s    Get Lease
    Should Be Equal    ${same.name} ${same.status}    ${LEASE} ready
    Calls Should Be    Dial=0    CreateLease=0


*** Keywords ***
Everything Should Work With
    [Documentation]    From the acquisition to the release, with an image of some bytes.
    [Arguments]    ${bytes}    ${fault}    &{options}
    Disconnect    device=device
    Inject Fault    router    ${fault}    &{options}
    Lease A Board
    Image Should Arrive    ${bytes}
    Power On
    Console Should Contain    U-Boot    timeout=10 s
    Calls Should Be    Dial=0
    Release Lease
    Clear Faults

Image Should Arrive
    [Arguments]    ${size}
    ${image} =    Create Random Image    ${size}
    ${written} =    Write Image    ${image}    verify=read_back
    Should Be Equal    ${written.verdict.value}    verified
