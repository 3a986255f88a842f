*** Settings ***
Documentation    Upstream's exporter is paused, killed and started anew while it is leased: our keywords say what
...              happened, hang nowhere, and go on within the same lease. Run by ../test_faults_of_upstream.py.

Library          JumpstarterLibrary    timeout=10 s
Library          Peer.py    ${UPSTREAM}    ${CONFIG}    ${DRIVERS}

Suite Setup      Start And Lease


*** Variables ***
${UPSTREAM}    ${EMPTY}
${CONFIG}      ${EMPTY}
${DRIVERS}     ${EMPTY}


*** Test Cases ***
Pause During A Call Only Takes Longer
    [Timeout]    15 s
    Pause Exporter    after=0.3 s
    Resume Exporter    after=2 s
    ${back} =    Call Driver    faults    wait    ${1}
    Should Be Equal    ${back}    waited

Paused Exporter Holds Up No Call For Longer Than Asked
    [Timeout]    15 s
    Pause Exporter
    Run Keyword And Expect Error
    ...    STARTS:'same' of driver 'faults' did not finish within 1 second and was cancelled.
    ...    Call Driver    faults    same    now    timeout=1 s
    Resume Exporter
    ${back} =    Call Driver    faults    same    later
    Should Be Equal    ${back}    later

Kill During A Call Is Told
    [Timeout]    30 s
    Kill Exporter    after=0.3 s
    Run Keyword And Expect Error
    ...    GLOB:The tunnel to exporter 'peer' (lease '${LEASE.name}') broke during 'wait' of driver 'faults': the exporter *. It is not known whether the exporter carried it out. The lease lasts on, and the next call connects again.
    ...    Call Driver    faults    wait    ${30}

Exporter That Was Started Anew Is Used Within The Same Lease
    [Timeout]    30 s
    Start Exporter
    Power On
    ${back} =    Call Driver    faults    same    ${{ [1, 2.5] }}
    Should Be Equal    ${back}    ${{ [1, 2.5] }}
    ${lease} =    Get Lease
    Should Be Equal    ${lease.name}    ${LEASE.name}

Worker Alone Is Killed And The Command Ends
    [Timeout]    30 s
    ${code} =    Kill Worker
    Should Be Equal As Integers    ${code}    0
    Start Exporter
    Run Keyword And Ignore Error    Power On
    Power On

Paused Exporter Does Not Keep Its Lease
    [Timeout]    30 s
    Pause Exporter
    Release Lease
    Resume Exporter
    Wait For Exporter Status    AVAILABLE    exporter=peer    timeout=10 s
    ${lease} =    Acquire Lease    board=peer    timeout=10 s
    Power On
    VAR    ${LEASE} =    ${lease}    scope=SUITE

Killed Exporter Does Not Keep Its Lease
    [Timeout]    15 s
    Kill Exporter
    Release Lease
    ${lease} =    Get Lease    name=${LEASE.name}
    Should Be Equal    ${lease.status}    released


*** Keywords ***
Start And Lease
    Start Exporter
    ${lease} =    Acquire Lease    board=peer    timeout=30 s
    VAR    ${LEASE} =    ${lease}    scope=SUITE
