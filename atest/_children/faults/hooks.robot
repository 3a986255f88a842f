*** Settings ***
Documentation    Run as a child by other suites: hooks that are slow or fail, but keep nobody from working.

Library          JumpstarterLibrary    mode=virtual

Test Teardown    Clear Faults


*** Test Cases ***
Slow
    Inject Fault    exporter    hook-slow    name=virtual-1    delay=1.5
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Power On
    Release Lease

Before Warn
    Inject Fault    exporter    hook-fails    name=virtual-1    on_failure=warn    output=no such switch
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Power On
    Release Lease

After Warn
    Failing Hook After A Lease    warn

After EndLease
    Failing Hook After A Lease    endLease

After Exit
    Failing Hook After A Lease    exit


*** Keywords ***
Failing Hook After A Lease
    [Arguments]    ${on_failure}
    Inject Fault    exporter    hook-fails    name=virtual-1    hook=after    on_failure=${on_failure}
    ...    output=no such switch
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Power On
    Release Lease
