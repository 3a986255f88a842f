*** Settings ***
Documentation    Our library inside `jmp shell`: for each request, the shell's exporter is used.

Library          OperatingSystem
Library          JumpstarterLibrary    timeout=10 s


*** Test Cases ***
Acquire Lease Joins The Shell
    ${lease} =    Acquire Lease    selector=board=virtual    timeout=20 s
    Should Be Equal    ${lease.name}    %{JMP_LEASE}
    Should Be Equal    ${lease.exporter}    %{JMP_EXPORTER}
    Power On
    Console Should Contain    Hit any key    timeout=10 s
    Power Off

Image Goes Through The Shell's Tunnel
    Create Binary File    ${OUTPUT_DIR}${/}image.bin    ${{ random.Random(3).randbytes(2_000_003) }}
    ${written} =    Write Image    ${OUTPUT_DIR}${/}image.bin    verify=read_back
    Should Be Equal    ${written.verdict.value}    verified

Releasing It Leaves The Shell's Lease Alone
    Release Lease
    ${lease} =    Get Lease    name=%{JMP_LEASE}
    Should Be Equal    ${lease.status}    ready
    Acquire Lease    exporter=%{JMP_EXPORTER}
    Power On
