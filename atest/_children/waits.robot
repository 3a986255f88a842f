*** Settings ***
Documentation    Run as a child by other suites: each test waits until it is ended.

Library          JumpstarterLibrary    timeout=60 s


*** Test Cases ***
Call
    Announce
    Call Driver    faulty    hang

Upload
    ${image} =    Evaluate    pathlib.Path($OUTPUT_DIR) / 'large.img'
    Evaluate    $image.write_bytes(bytes(50_000_000))
    Announce
    Write Image    ${image}    driver=slow

Wait
    Announce
    Console Should Contain    login:    driver=silent

Keyword Timeout
    [Timeout]    1 s
    Call Driver    faulty    hang


*** Keywords ***
Announce
    [Documentation]    The suite that runs this waits for the line.
    Log To Console    waiting now
