*** Settings ***
Documentation    Run as a child by other suites.

Library          JumpstarterLibrary


*** Test Cases ***
The First Suite's Device Is Gone
    Run Keyword And Expect Error
    ...    EQUALS:No device 'first' is connected. Connected devices: none.
    ...    List Drivers    device=first
    Disconnect    device=first

Alias Is Free Again
    Connect To Exporter    alias=first
