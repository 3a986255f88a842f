*** Settings ***
Documentation    Our library on a lease of another client, which JMP_LEASE names: used, extended, never released.

Library          JumpstarterLibrary    timeout=10 s


*** Test Cases ***
Lease Of The Environment Is Used
    ${lease} =    Acquire Lease
    Should Be Equal    ${lease.name}    %{JMP_LEASE}
    Should Be Equal    ${lease.exporter}    upstream
    Power On    driver=power
    ${back} =    Call Driver    faults    same    ${{ [1, 2.5] }}
    Should Be Equal    ${back}    ${{ [1, 2.5] }}
    Lease Should Have Time Left    9 min
    Extend Lease    5 min
    Lease Should Have Time Left    14 min
    Release Lease
