*** Settings ***
Documentation    What there is and who has it, before anything is asked for; and the setup by which it is found.

Library          Collections
Library          OperatingSystem
Library          JumpstarterLibrary    mode=auto    timeout=14 s
Resource         resources/leases.resource

Suite Setup      Start The Lab
Test Setup       Forget Calls
Test Teardown    Everything Should Be Given Back
Test Timeout     30 s


*** Test Cases ***
Look At Exporters
    [Setup]    Colleague Takes    beta-1
    ${boards} =    Get Exporters
    ${seen} =    Evaluate    [f'{one.name} {one.online} {one.enabled} {one.free} {one.client}'.strip() for one in $boards]
    VAR    @{expected} =
    ...    alpha-1 True True True
    ...    alpha-2 True True True
    ...    away-1 False True False
    ...    beta-1 True True False colleague
    ...    shelf-1 True False False
    Should Be Equal    ${seen}    ${expected}

Look At Some Exporters
    ${held} =    Colleague Takes    beta-1
    Wait For Exporter Status    LEASE_READY    exporter=beta-1
    ${boards} =    Get Exporters    board=beta | os=android
    Should Be Equal    ${{ [str(one) for one in $boards] }}    ${{ ['beta-1', 'alpha-2'] }}
    Should Be Equal    ${boards[0].lease} ${boards[0].status}    ${held} LEASE_READY
    ${record} =    Get Lab Lease    ${held}
    Should Be Equal    ${boards[0].until}    ${record.expiry.replace(microsecond=0)}

Count Exporters
    [Setup]    Colleague Takes    beta-1
    ${count} =    Get Exporter Count
    ${free} =    Get Exporter Count    free=yes
    ${linux} =    Get Exporter Count    os=linux
    ${none} =    Get Exporter Count    board=gamma
    Should Be Equal    ${count} ${free} ${linux} ${none}    3 2 2 0

Selectors That Cannot Be
    Run Keyword And Expect Error
    ...    EQUALS:The selector 'board in alpha' is wrong at column 10: '(' before the values is needed there, not 'alpha'.
    ...    Get Exporters    board in alpha
    Run Keyword And Expect Error
    ...    EQUALS:The selector 'board=alpha,' is wrong at column 13: a label's key is needed there, not the end.
    ...    Get Exporter Count    board=alpha,
    Calls Should Be    ListExporters=0

An Exporter Is Available
    ${held} =    Colleague Takes    beta-1
    ${until} =    Lease End Time    ${held}
    ${free} =    Exporter Should Be Available    os=linux
    Should Be Equal    ${free.name}    alpha-1
    Run Keyword And Expect Error
    ...    EQUALS:No exporter of selector 'board=beta' is free: 'beta-1' is held by client 'colleague' until ${until}. Try again later.
    ...    Exporter Should Be Available    board=beta
    Run Keyword And Expect Error
    ...    EQUALS:No exporter of selector 'board in (away,shelf)' is free: 'away-1' is offline, 'shelf-1' is disabled. Try again later.
    ...    Exporter Should Be Available    board in (away,shelf)
    Run Keyword And Expect Error
    ...    EQUALS:No exporter matches selector 'board=gamma'. `Get Exporters` returns what there is.
    ...    Exporter Should Be Available    board=gamma
    Calls Should Be    CreateLease=0

Skip If There Is No Exporter
    ${held} =    Colleague Takes    beta-1
    ${until} =    Lease End Time    ${held}
    ${result} =    Run Child    skips.robot
    Should Be Equal    ${result.statuses}    ${{ {'Free': 'PASS', 'Held': 'SKIP', 'Unknown': 'SKIP', 'Wrong': 'FAIL'} }}
    VAR    @{expected} =
    ...    ${EMPTY}
    ...    No exporter of selector 'board=beta' is free: 'beta-1' is held by client 'colleague' until ${until}. Try again later.
    ...    No exporter matches selector 'board=gamma'. `Get Exporters` returns what there is.
    ...    The selector 'board==beta' is wrong at column 6: leases take no '=='; write 'board=' with one '='.
    Should Be Equal    ${result.messages}    ${expected}

Wait For A Status
    Wait For Exporter Status    available    exporter=beta-1
    Acquire Lease    board=beta
    ${status} =    Wait For Exporter Status    Lease Ready
    Should Be Equal    ${status}    LEASE_READY
    Do Later    0.4    End All Leases
    ${status} =    Wait For Exporter Status    OFFLINE | AVAILABLE    exporter=beta-1    timeout=5 s
    Should Be Equal    ${status}    AVAILABLE

Wait For A Status In Vain
    Run Keyword And Expect Error
    ...    EQUALS:Exporter 'beta-1' did not get the status LEASE_READY or OFFLINE within 300 milliseconds; it is AVAILABLE.
    ...    Wait For Exporter Status    LEASE_READY|OFFLINE    exporter=beta-1    timeout=0.3 s
    Run Keyword And Expect Error
    ...    EQUALS:'READY' is no exporter status. There are: UNSPECIFIED, OFFLINE, AVAILABLE, BEFORE_LEASE_HOOK, LEASE_READY, AFTER_LEASE_HOOK, BEFORE_LEASE_HOOK_FAILED, AFTER_LEASE_HOOK_FAILED.
    ...    Wait For Exporter Status    ready    exporter=beta-1
    Run Keyword And Expect Error
    ...    EQUALS:The controller ${ENDPOINT} knows nothing of exporter 'gamma-1'. Check its name; `jmp get leases` and `jmp get exporters` list what is there.
    ...    Wait For Exporter Status    AVAILABLE    exporter=gamma-1

Faults Are For Virtual Labs
    Run Keyword And Expect Error
    ...    EQUALS:Faults can only be injected into a virtual lab. Import the library with mode=virtual.
    ...    Inject Fault    router    drop

The Setup Is Logged
    [Documentation]    With where each value came from.
    ${result} =    Run Child    setup.robot    JMP_REFRESH_TOKEN=renew-me-42    JMP_LEASE=somebodys
    Should Be Equal As Integers    ${result.rc}    0    ${result.stdout}
    &{lab} =    Lab Environment
    VAR    ${file} =    ${lab}[JMP_CLIENT_CONFIG_HOME]/clients/tester.yaml
    ${rows} =    Get Logged Table    ${result}    Client configuration: '${file}', the current client
    VAR    @{expected} =    setting | value | from    metadata.namespace | default | file
    ...    metadata.name | tester | file    endpoint | ${ENDPOINT} | file
    Should Be Equal    ${rows}[:4]    ${expected}
    Should Match Regexp    ${rows}[4]    ^token \\| (\\*\\*\\*) \\(subject client:default:tester:.*, expires .* UTC\\) \\| file$
    List Should Contain Value    ${rows}    refresh_token | *** | environment JMP_REFRESH_TOKEN
    List Should Contain Value    ${rows}    JMP_LEASE | somebodys | environment

The Setup Has No Secrets
    [Documentation]    Not even at the most talkative log level.
    ${result} =    Run Child    setup.robot    --loglevel    TRACE    JMP_REFRESH_TOKEN=renew-me-42
    Should Be Equal As Integers    ${result.rc}    0    ${result.stdout}
    ${output} =    Get File    ${result.output}/output.xml
    Should Contain    ${output}    refresh_token
    ${token} =    Token In File
    FOR    ${secret}    IN    ${token}    ${token.split('.')[1]}    ${token.split('.')[2]}    renew-me-42
        Should Not Contain    ${output}    ${secret}
        Should Not Contain    ${result.stdout}    ${secret}
    END
