*** Settings ***
Documentation    Run as a child by 16_exporter_faults.robot, beside its own tests: hooks that fail, and whose boards can be used.

Library          JumpstarterLibrary    mode=virtual

Test Teardown    Clear Faults


*** Test Cases ***
Slow Hook
    Inject Fault    exporter    hook-slow    name=virtual-1    delay=1.5
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Power On
    Release Lease

Failing Hooks Whose Boards Can Be Used
    Inject Fault    exporter    hook-fails    name=virtual-1    on_failure=warn    output=no such switch
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Power On
    Release Lease
    Clear Faults
    Failing Hook After A Lease    warn
    Failing Hook After A Lease    endLease
    Failing Hook After A Lease    exit


*** Keywords ***
Failing Hook After A Lease
    [Arguments]    ${on_failure}
    Inject Fault    exporter    hook-fails    name=virtual-1    hook=after    on_failure=${on_failure}
    ...    output=no such switch
    Acquire Lease    exporter=virtual-1    timeout=10 s
    Power On
    Release Lease
    Clear Faults
