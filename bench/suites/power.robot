*** Settings ***
Documentation    One keyword of ours.

Library          JumpstarterLibrary


*** Test Cases ***
Power
    [Documentation]    What the library costs: import, connect, one call, disconnect.
    Power On    driver=power
