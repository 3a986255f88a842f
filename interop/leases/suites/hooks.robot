*** Settings ***
Documentation    Hooks of upstream's exporters, as our keywords tell of them. Run by ../test_hooks_of_upstream.py, which
...              makes the exporters and looks at the log afterwards. FOLDER is where the exporters' hooks look whether
...              they are to fail.

Library          OperatingSystem
Library          JumpstarterLibrary    timeout=10 s

Test Teardown    Release Lease


*** Variables ***
${FOLDER}    ${EMPTY}
${ENDED}     \ Its last lines were:\n${SPACE}${SPACE}the fuse has blown\n${SPACE}${SPACE}Hook failed with exit code 3 (on_failure=endLease, raising exception)
${EXITED}    \ Its last lines were:\n${SPACE}${SPACE}the fuse has blown\n${SPACE}${SPACE}Hook failed with exit code 3 (on_failure=exit, raising exception)


*** Test Cases ***
Hooks Prepare The Board And Clean Up
    ${lease} =    Acquire Lease    case=good    timeout=30 s
    File Should Exist    ${FOLDER}${/}before-${lease.name}-tester
    File Should Not Exist    ${FOLDER}${/}after-${lease.name}
    Power On
    Release Lease
    # A hook that takes longer than 5 seconds is no longer waited for, and goes on.
    Wait Until Created    ${FOLDER}${/}after-${lease.name}    timeout=60 s

Hooks That Fail With A Warning Stop No Client
    FOR    ${_}    IN RANGE    2
        Acquire Lease    case=warns    timeout=30 s
        Power On
        Release Lease
    END

Hook That Fails Before Ends The Lease
    Run Keyword And Expect Error
    ...    EQUALS:Exporter 'ends' of lease 'ends-before' cannot be used, because its hook before the lease failed: beforeLease hook failed (on_failure=endLease): Hook failed with exit code 3.${ENDED}
    ...    Acquire Lease    case=ends    timeout=30 s    name=ends-before
    Wait For Exporter Status    AVAILABLE    exporter=ends    timeout=10 s

Hook That Fails After The Lease Leaves The Exporter Usable
    Create File    ${FOLDER}${/}before-works
    Acquire Lease    case=ends    timeout=30 s
    Power On
    Release Lease
    Wait For Exporter Status    AVAILABLE    exporter=ends    timeout=10 s

Hook That Fails Before Ends The Exporter
    Run Keyword And Expect Error
    ...    EQUALS:Exporter 'exits-before' of lease 'exits-before' cannot be used, because its hook before the lease failed: Exporter shutting down due to beforeLease hook failure.${EXITED}
    ...    Acquire Lease    case=exits-before    timeout=30 s    name=exits-before

Hook That Fails After Ends The Exporter
    Acquire Lease    case=exits-after    timeout=30 s
    Power On
    Release Lease
    Wait For Exporter Status    OFFLINE    exporter=exits-after    timeout=10 s
