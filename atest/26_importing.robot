*** Settings ***
Documentation    Two imports with different arguments are two libraries with devices of their own, in one process.

Library          OperatingSystem
Library          JumpstarterLibrary    mode=virtual    timeout=0.1 s
Library          JumpstarterLibrary    mode=virtual    timeout=0.1 s    AS    Same
Library          JumpstarterLibrary    mode=virtual    timeout=0.2 s    scope=test    AS    Other

Suite Setup      JumpstarterLibrary.Acquire Lease    number=1


*** Variables ***
${ONE}      'device' (exporter 'virtual-1')
${OTHER}    'device' (exporter 'virtual-2')


*** Test Cases ***
Each Has A Device Of Its Own
    Other.Acquire Lease    number=2
    ${one} =    JumpstarterLibrary.Get Lease
    ${other} =    Other.Get Lease
    Should Be Equal    ${one.exporter} ${other.exporter}    virtual-1 virtual-2
    JumpstarterLibrary.Register Failing Console Pattern    U-Boot
    Other.Power On
    Other.Console Should Contain    U-Boot    timeout=10 s

One With The Same Arguments Is The Same
    ${one} =    JumpstarterLibrary.Get Lease
    ${same} =    Same.Get Lease
    Should Be Equal    ${one.name}    ${same.name}

Each Has Its Own Scope And Timeout
    Run Keyword And Expect Error
    ...    EQUALS:No device is connected: device 'device' was kept for a test, which has ended. Use Acquire Lease or Connect To Exporter first.
    ...    Other.Power On
    Other.Acquire Lease    number=2
    Run Keyword And Expect Error
    ...    STARTS:No match for 'never' on console 'console' of ${OTHER} in 200 milliseconds.
    ...    Other.Console Should Contain    never
    Run Keyword And Expect Error
    ...    STARTS:No match for 'never' on console 'console' of ${ONE} in 100 milliseconds.
    ...    JumpstarterLibrary.Console Should Contain    never

They Do Not Wait For Each Other
    Run Keyword And Expect Error
    ...    EQUALS:No exporter for selector 'number=1' can become free, since this run waits for itself: it holds exporter 'virtual-1' (device 'device' of another import). Release it first, or ask for another exporter.
    ...    Other.Acquire Lease    number=1

Their Files Are Apart
    Should Exist    ${OUTPUT_DIR}/jumpstarter-artefacts/device/console.log
    Should Exist    ${OUTPUT_DIR}/jumpstarter-artefacts/device-2/console.log

A Keyword Of Both Needs Its Full Name
    Run Keyword And Expect Error
    ...    STARTS:Multiple keywords with name 'Power On' found. Give the full name of the keyword you want to use:
    ...    Power On
