*** Settings ***
Documentation    Run as a child by 16_exporter_faults.robot, beside its own tests.

Library          JumpstarterLibrary
Library          ../../libraries/Lab.py

Suite Setup      Start Lab    hooks=yes
Test Teardown    Nothing Should Be Left


*** Test Cases ***
Last Lines Of A Hook
    [Documentation]    It fails after a while, when a client listens. What it has printed is in the message.
    Run Keyword And Expect Error
    ...    REGEXP:Exporter 'beta-1' of lease '.*' cannot be used, because its hook before the lease failed: The beforeLease hook failed with exit status 1 \\(onFailure: endLease\\)\\. Its last lines were:\\n \ looking for the switch\\n \ no such switch\\n \ The beforeLease hook failed with exit status 1 \\(onFailure: endLease\\)\\.
    ...    Acquire Lease    exporter=beta-1    timeout=10 s
