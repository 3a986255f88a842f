*** Settings ***
Documentation    Leases: see what is free, take one board or two, keep them as long as they are needed.

Resource         device.resource

Suite Setup      Skip Inside A Shell
Test Teardown    Release Lease


*** Test Cases ***
See What Is Free
    ${boards} =    Get Exporters    ${SELECTOR}
    FOR    ${board}    IN    @{boards}
        Log    ${board.name} ${board.labels} is ${{ 'free' if $board.free else 'held by ' + $board.client }}
    END
    Exporter Should Be Available    ${SELECTOR}
    [Teardown]    No Operation

A Lease Extends Itself
    ${lease} =    Acquire Lease    ${SELECTOR}    duration=10 min    max_duration=1 h    scope=test
    Log    ${lease.exporter} until ${lease.end}
    Lease Should Have Time Left    30 min
    Extend Lease    20 min
    ${left} =    Get Lease Time Left
    Should Be True    $left.total_seconds() > 25 * 60

Two Boards At Once
    Acquire Devices    left=${SELECTOR}    right=${SELECTOR}    timeout=1 min    scope=test
    Power On    device=left
    Power On    device=right
    Power Off    device=left
    Power Off    device=right
    [Teardown]    Run Keywords    Release Lease    device=left    AND    Release Lease    device=right

What No Exporter Has Is Told At Once
    Run Keyword And Expect Error    No exporter fits selector 'board=unheard-of': *
    ...    Acquire Lease    board=unheard-of    timeout=1 min
    [Teardown]    No Operation


*** Keywords ***
Skip Inside A Shell
    Skip If    $MODE == 'shell'    A shell has one device, and leases it by itself.
