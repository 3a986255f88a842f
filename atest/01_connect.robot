*** Settings ***
Documentation    How a device is found, and what is said when it is not.

Library          OperatingSystem
Library          JumpstarterLibrary    host=/no/such/socket
Library          libraries/Certificates.py
Library          libraries/ChildRun.py
Resource         resources/exporters.resource

Suite Setup      Start Healthy Exporter
Test Teardown    Disconnect Everything


*** Test Cases ***
Nothing To Connect To
    [Documentation]    First, since a device that was there is not connected again by itself.
    Run Keyword And Expect Error
    ...    EQUALS:There is no exporter socket '/no/such/socket' (from host=). Check the path, and that the exporter or the shell that made it still runs.
    ...    Power On

Connect By Socket Path
    ${alias} =    Connect To Exporter    ${HOST}
    Should Be Equal    ${alias}    device
    ${drivers} =    List Drivers
    Should Be Equal    ${drivers}    ${{ ['power', 'storage', 'serial', 'echo'] }}

Connect By The Shell's Environment
    [Documentation]    JUMPSTARTER_HOST is read when the library is imported, so this is a run of its own.
    ${result} =    Run Child Suite    _children/one_power_on.robot    JUMPSTARTER_HOST=${HOST}
    Should Be Equal As Integers    ${result.rc}    0

Connect Over TLS With Passphrase
    ${ca} =    Start TLS Exporter    open sesame
    Connect To Exporter    ${TLS_HOST}    ca=${ca}    passphrase=open sesame
    Power On

Connect With A Pinned Certificate
    Start TLS Exporter    open sesame
    Connect To Exporter    ${TLS_HOST}    tls=pin    passphrase=open sesame
    Power On

Several Devices
    ${first} =    Connect To Exporter    ${HOST}
    ${second} =    Connect To Exporter    ${HOST}    alias=other
    Should Be Equal    ${first} ${second}    device other
    ${previous} =    Switch Device    device
    Should Be Equal    ${previous}    other
    Power On    device=other
    Disconnect    device=other
    Power On
    Disconnect    device=other

Device Tree Is Logged
    [Documentation]    The log is what counts here, so this is a run of its own.
    ${result} =    Run Child Suite    _children/device_tree.robot    JUMPSTARTER_HOST=${HOST}
    Should Be Equal As Integers    ${result.rc}    0
    ${rows} =    Get Logged Table    ${result}    Device 'device', exporter '${HOST}'
    VAR    @{expected} =
    ...    driver | path | kind | description
    ...    (root) | \ | CompositeClient | \
    ...    power | power | PowerClient | the bench supply
    ...    storage | storage | StorageMuxClient | \
    ...    serial | serial | PySerialClient | \
    ...    echo | echo | NetworkClient | \
    Should Be Equal    ${rows}    ${expected}

No Host In Direct Mode
    ${result} =    Run Child Suite    _children/one_power_on.robot    MODE=direct
    Should Contain
    ...    ${result.stdout}
    ...    mode=direct needs host=: the socket path or HOST:PORT of an exporter.

No Host At All
    ${result} =    Run Child Suite    _children/one_power_on.robot    MODE=auto
    Should Contain
    ...    ${result.stdout}
    ...    There is no device: nothing says which one, and neither JUMPSTARTER_HOST nor JMP_LEASE is set. Give host= (a socket path or HOST:PORT), run inside `jmp shell` (which sets JUMPSTARTER_HOST), set JMP_LEASE to the name of a lease, give selector= or exporter= to lease one, or use mode=virtual for a virtual board.

No Host In Shell Mode
    ${result} =    Run Child Suite    _children/one_power_on.robot    MODE=shell
    Should Contain
    ...    ${result.stdout}
    ...    JUMPSTARTER_HOST is not set, so there is no exporter to join. Run inside `jmp shell`, set JUMPSTARTER_HOST to the socket path or host:port of an exporter, or choose another mode.

Host In A Mode Without Host
    Run Keyword And Expect Error
    ...    EQUALS:host= and mode=virtual contradict each other. Leave one of the two out.
    ...    Connect To Exporter    ${HOST}    mode=virtual

TLS On A Unix Socket
    Run Keyword And Expect Error
    ...    EQUALS:'${HOST}' is a unix socket, which takes no TLS. Leave tls= and ca= out, or give HOST:PORT.
    ...    Connect To Exporter    ${HOST}    tls=verify

CA With Another Kind Of TLS
    Run Keyword And Expect Error
    ...    EQUALS:ca= needs tls=verify, not tls=pin. Leave one of the two out.
    ...    Connect To Exporter    127.0.0.1:1    tls=pin    ca=${CURDIR}/nowhere.pem

CA File Is Not There
    Run Keyword And Expect Error
    ...    EQUALS:The CA file '${CURDIR}/nowhere.pem' cannot be read: No such file or directory. Give the PEM file of the exporter's authority.
    ...    Connect To Exporter    127.0.0.1:1    ca=${CURDIR}/nowhere.pem

CA File Is No Certificate
    Run Keyword And Expect Error
    ...    EQUALS:The CA file '${IMAGE}' holds no PEM certificate.
    ...    Connect To Exporter    127.0.0.1:1    ca=${IMAGE}

No Listener
    Run Keyword And Expect Error
    ...    EQUALS:Exporter '127.0.0.1:1' (from host=) cannot be reached: connection refused. Check that it runs and listens there.
    ...    Connect To Exporter    127.0.0.1:1    tls=plaintext

Wrong Authority
    Start TLS Exporter    open sesame
    ${other} =    Create Authority
    Run Keyword And Expect Error
    ...    EQUALS:The secure connection to exporter '${TLS_HOST}' could not be made: its certificate is not trusted here: another authority signed it, or it has expired. Check ca=, the host name and tls= (verify, pin or plaintext).
    ...    Connect To Exporter    ${TLS_HOST}    ca=${other}    passphrase=open sesame

Wrong Passphrase
    ${ca} =    Start TLS Exporter    open sesame
    Run Keyword And Expect Error
    ...    EQUALS:The exporter '${TLS_HOST}' refused the passphrase: invalid or missing passphrase. Give the right one with passphrase= or JMP_GRPC_PASSPHRASE.
    ...    Connect To Exporter    ${TLS_HOST}    ca=${ca}    passphrase=wrong

Silent Exporter
    ${host} =    Start Exporter    ${BARE}
    Freeze Exporter    ${host}
    Run Keyword And Expect Error
    ...    EQUALS:Exporter '${host}' (from host=) did not answer within 300 milliseconds. Check that it runs and listens there, and tls=.
    ...    Connect To Exporter    ${host}    timeout=0.3 s

Alias Is Taken
    Connect To Exporter    ${HOST}    alias=board
    Run Keyword And Expect Error
    ...    EQUALS:There is a device 'board' already. Disconnect it first, or choose another alias.
    ...    Connect To Exporter    ${HOST}    alias=board

Unknown Device
    Connect To Exporter    ${HOST}    alias=board
    VAR    ${message} =    EQUALS:No device 'bord' is connected. Connected devices: board.
    Run Keyword And Expect Error    ${message}    Power On    device=bord
    Run Keyword And Expect Error    ${message}    Switch Device    bord
    Run Keyword And Expect Error    ${message}    Disconnect    device=bord
    Run Keyword And Expect Error    ${message}    List Drivers    device=bord
    Run Keyword And Expect Error    ${message}    Log Device Tree    device=bord

Disconnecting Nothing Is Fine
    Disconnect


*** Keywords ***
Start Healthy Exporter
    ${host} =    Start Exporter    ${HEALTHY}
    VAR    ${HOST} =    ${host}    scope=SUITE

Start TLS Exporter
    [Documentation]    Starts an exporter on TCP; its host is TLS_HOST. Returns its authority's PEM file.
    [Arguments]    ${passphrase}
    ${ca}    ${certificate}    ${key} =    Create Certificate    localhost
    ${host} =    Start Exporter    ${HEALTHY}    --tcp    localhost:0
    ...    --tls-cert    ${certificate}    --tls-key    ${key}    --passphrase    ${passphrase}
    VAR    ${TLS_HOST} =    ${host}    scope=TEST
    RETURN    ${ca}

Disconnect Everything
    FOR    ${alias}    IN    device    board    other
        Run Keyword And Ignore Error    Disconnect    device=${alias}
    END
