*** Settings ***
Documentation    Run as a child by other suites: a login that fails, with a password that must not be shown.

Library          JumpstarterLibrary    mode=virtual


*** Variables ***
${PASSWORD: Secret}    %{CHILD_PASSWORD=}


*** Test Cases ***
Wrong Password
    Write Image    ${CURDIR}/../../examples/images/hello.img
    Power On
    Log In To Console    root    ${PASSWORD}
