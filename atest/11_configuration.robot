*** Settings ***
Documentation    The client's configuration: which client it is, what its file may say, and who is not let in.

Library          Collections
Library          OperatingSystem
Resource         resources/leases.resource

Suite Setup      Start The Lab
Test Setup       Forget Calls
Test Teardown    Forget Identity In Environment
Test Timeout     30 s


*** Test Cases ***
Each Source Beats Those After It
    [Documentation]    Arguments, environment, JMP_CLIENT_CONFIG, the current client, the only client.
    New Configuration Home    colleague
    Client Should Be    colleague
    New Configuration Home    colleague    tester    current=tester
    Client Should Be    tester
    Set Environment Variable    JMP_CLIENT_CONFIG    colleague
    Client Should Be    colleague
    Put Identity Into Environment    tester
    Client Should Be    tester
    Client Should Be    colleague    client=colleague

A Client By Its File
    New Configuration Home    tester    current=tester
    ${file} =    Write Client File    colleague
    Client Should Be    colleague    config=${file}
    Set Environment Variable    JMP_CLIENT_CONFIG    ${file}
    Client Should Be    colleague

No Client
    ${home} =    New Configuration Home
    VAR    ${message} =
    ...    No client is configured: JMP_NAMESPACE and JMP_NAME are not both set, JMP_CLIENT_CONFIG is not set, and there is no client in '${home}/clients'. Log in with `jmp login`, name one with client= or config=, or set JMP_NAMESPACE, JMP_NAME, JMP_ENDPOINT and JMP_TOKEN.
    Setup Should Be Refused    ${message}

Several Clients And None Is Current
    ${home} =    New Configuration Home    tester    colleague
    VAR    ${message} =
    ...    There are several clients in '${home}/clients' and none of them is current: colleague, tester. Choose one with client=, JMP_CLIENT_CONFIG or `jmp config client use ALIAS`.
    Setup Should Be Refused    ${message}
    ${home} =    New Configuration Home    tester    colleague    current=gone
    VAR    ${message} =
    ...    There are several clients in '${home}/clients' and none of them is current (the current one, 'gone', has no file): colleague, tester. Choose one with client=, JMP_CLIENT_CONFIG or `jmp config client use ALIAS`.
    Setup Should Be Refused    ${message}

No Such Client
    ${home} =    New Configuration Home    tester    colleague
    VAR    ${message} =
    ...    There is no client 'testr', which client= names, in '${home}/clients'. Did you mean 'tester'?
    Setup Should Be Refused    ${message}    client=testr
    Set Environment Variable    JMP_CLIENT_CONFIG    nobody
    VAR    ${message} =
    ...    There is no client 'nobody', which JMP_CLIENT_CONFIG names, in '${home}/clients'. There are: colleague, tester.
    Setup Should Be Refused    ${message}

No Such File
    Set Environment Variable    JMP_CLIENT_CONFIG    /no/such/file.yaml
    VAR    ${message} =
    ...    There is no client file '/no/such/file.yaml', which JMP_CLIENT_CONFIG names. Check the path.
    Setup Should Be Refused    ${message}
    VAR    ${message} =
    ...    There is no client file '/no/such/file.yaml', which config= names. Check the path.
    Setup Should Be Refused    ${message}    config=/no/such/file.yaml

Two Answers To One Question
    ${file} =    Write Client File
    VAR    ${message} =
    ...    client= and config= both name a client. Leave one of the two out.
    Setup Should Be Refused    ${message}    client=tester    config=${file}

Every Value Tells Where It Came From
    [Documentation]    A file beats most of the environment, as with jmp; time limits of the environment beat the file.
    ...    Variables without a prefix are other programs'.
    ${file} =    Write Client File    tester    leases.dial_timeout=${20}    leases.retry_timeout=${30}
    ${result} =    Run Child Suite    _children/leases/setup.robot    JMP_CLIENT_CONFIG=${file}    JMP_ENDPOINT=elsewhere:1
    ...    JMP_DIAL_TIMEOUT=40    DIAL_TIMEOUT=50    RETRY_TIMEOUT=60    ACQUISITION_TIMEOUT=70    JMP_REFRESH_TOKEN=r
    Should Be Equal As Integers    ${result.rc}    0    ${result.stdout}
    ${rows} =    Get Logged Table    ${result}    Client configuration: '${file}', which JMP_CLIENT_CONFIG names
    VAR    @{expected} =
    ...    endpoint | ${ENDPOINT} | file
    ...    refresh_token | *** | environment JMP_REFRESH_TOKEN
    ...    tls.ca | 1 certificate | file
    ...    tls.insecure | false | default
    ...    drivers.unsafe | true | file
    ...    leases.acquisition_timeout | 7200 s | default
    ...    leases.dial_timeout | 40 s | environment JMP_DIAL_TIMEOUT
    ...    leases.retry_timeout | 30 s | file
    ...    mode | auto | library import
    FOR    ${row}    IN    @{expected}
        List Should Contain Value    ${rows}    ${row}
    END

Files That Cannot Be Read
    ${file} =    Write Text File    endpoint: [lab:8082
    VAR    ${message} =
    ...    The file '${file}' is no valid YAML in line 1, column 20, at the key 'endpoint': expected ',' or ']', but got '<stream end>'.
    Setup Should Be Refused    ${message}    config=${file}
    ${file} =    Write Text File    endpoint: lab:8082\nendpoint: lab:8083
    VAR    ${message} =
    ...    The file '${file}' is no valid YAML in line 2, column 1, at the key 'endpoint': this key is there twice.
    Setup Should Be Refused    ${message}    config=${file}
    ${file} =    Write Text File    - endpoint
    Setup Should Be Refused    The file '${file}' must hold a mapping, not a list.    config=${file}

Unknown Keys Are Refused By Name
    ${file} =    Write Client File    tester    endpiont=lab:8082
    VAR    ${message} =
    ...    'endpiont' at the top level of '${file}' (line 5) is not a known key. Did you mean 'endpoint'?
    Setup Should Be Refused    ${message}    config=${file}
    ${file} =    Write Client File    tester    leases.token=x
    VAR    ${message} =
    ...    'token' under 'leases' in '${file}' (line 8) is not a known key. It belongs at the top level.
    Setup Should Be Refused    ${message}    config=${file}
    ${file} =    Write Client File    tester    leases.patience=${10}
    VAR    ${message} =
    ...    'patience' under 'leases' in '${file}' (line 8) is not a known key. There can be: acquisition_timeout, dial_timeout, retry_timeout.
    Setup Should Be Refused    ${message}    config=${file}

Values That Cannot Be
    [Template]    Value Should Be Refused
    leases.dial_timeout    ${1}    8
    ...    must be a length of time from 5 seconds to 365 days, such as 90 (seconds), '1h30m' or 'PT1H30M', not 1.
    leases.acquisition_timeout    soon    8
    ...    must be a length of time in whole seconds from 5 seconds to 365 days, such as 90 (seconds), '1h30m' or 'PT1H30M', not 'soon'.
    endpoint    https://lab.example.com:8082    5
    ...    must be HOST:PORT, not a URL.
    tls.ca    Zm9v    11
    ...    must be base64 of PEM certificates (`base64 -w0 ca.pem`), not base64 of something that holds no PEM certificate.
    kind    ExporterConfig    6
    ...    must be 'ClientConfig', not 'ExporterConfig'.
    token    two words    12
    ...    must be printable ASCII text without blanks and line ends, not text with others.

Import Arguments That Cannot Be
    [Template]    Import Should Be Refused
    The argument 'timeout' must be a length of time from 0 seconds to 365 days, such as 90 (seconds), '500 ms', '1h30m' or 'PT1H30M', not 'soon'.
    ...    timeout=soon
    The argument 'mode' must be one of auto, shell, lease, direct, virtual, not 'remote'.
    ...    mode=remote
    The argument 'tls' must be one of verify, pin, plaintext, not 'maybe'.
    ...    tls=maybe
    The argument 'scope' must be one of run, suite, test, not 'week'.
    ...    scope=week

Import Arguments In Other Forms
    Import Library    JumpstarterLibrary    mode=LEASE    scope=Suite    timeout=PT1M    AS    Formed

Missing Values
    ${file} =    Write Client File    tester    token=${None}
    VAR    ${message} =
    ...    There is no token in '${file}', which config= names. Log in with `jmp login`, or set JMP_TOKEN.
    Setup Should Be Refused    ${message}    config=${file}
    ${file} =    Write Client File    tester    endpoint=${None}
    VAR    ${message} =
    ...    There is no endpoint in '${file}', which config= names. Put it there, or set JMP_ENDPOINT.
    Setup Should Be Refused    ${message}    config=${file}
    Put Identity Into Environment    tester
    Remove Environment Variable    JMP_TOKEN
    VAR    ${message} =
    ...    There is no token in the environment (JMP_NAMESPACE, JMP_NAME). Log in with `jmp login`, or set JMP_TOKEN.
    Setup Should Be Refused    ${message}

Variables That Cannot Be
    New Configuration Home    tester
    Set Environment Variable    JMP_LEASES    {dial_timeout: 10}
    Setup Should Be Refused    JMP_LEASES must be a JSON object, such as {"key": "value"}; it cannot be parsed.
    Set Environment Variable    JMP_LEASES    {"dial_timeout": 10, "patience": 3}
    VAR    ${message} =
    ...    'patience' under 'leases' in JMP_LEASES is not a known key. There can be: acquisition_timeout, dial_timeout, retry_timeout.
    Setup Should Be Refused    ${message}

# Who is not let in

Expired Token
    ${token} =    Client Token    tester    life=-1 h
    ${file} =    Write Client File    tester    token=${token}
    VAR    ${message} =
    ...    The token of client default/tester ('${file}', which config= names) has expired. Log in again: `jmp login`.
    Controller Should Refuse    ${message}    config=${file}

Renewed Token
    [Documentation]    The user logs in again while the run goes on: the new token is used, nothing is repeated by hand.
    ${token} =    Client Token    tester    life=1 h
    ${file} =    Write Client File    tester    token=${token}
    ${library} =    Import Library With    config=${file}
    Run Keyword    ${library}.Get Exporters
    Let Time Pass    2 h
    Run Keyword And Expect Error
    ...    EQUALS:The token of client default/tester ('${file}', which config= names) has expired. Log in again: `jmp login`.
    ...    ${library}.Get Exporters
    ${token} =    Client Token
    Put Token Into File    ${file}    ${token}
    ${boards} =    Run Keyword    ${library}.Get Exporters
    Length Should Be    ${boards}    5

Token Of Another Lab
    ${token} =    Foreign Token
    ${file} =    Write Client File    tester    token=${token}
    VAR    ${message} =
    ...    The controller ${ENDPOINT} did not accept client default/tester ('${file}', which config= names): its token is not valid (oidc: verify token: failed to verify signature). Check namespace, name and token of the client configuration, or log in again: `jmp login`.
    Controller Should Refuse    ${message}    config=${file}
    ${token} =    Foreign Token    iss=https://login.example.com
    ${file} =    Write Client File    tester    token=${token}
    VAR    ${message} =
    ...    The controller ${ENDPOINT} did not accept client default/tester ('${file}', which config= names): its token is not valid (failed to authenticate token). Check namespace, name and token of the client configuration, or log in again: `jmp login`.
    Controller Should Refuse    ${message}    config=${file}

No Token At All
    ${file} =    Write Client File    tester    token=not-a-token
    VAR    ${message} =
    ...    The controller ${ENDPOINT} did not accept client default/tester ('${file}', which config= names): its token is not valid (failed to authenticate token). Check namespace, name and token of the client configuration, or log in again: `jmp login`.
    Controller Should Refuse    ${message}    config=${file}

Token Of Another Client
    ${token} =    Client Token    colleague
    ${file} =    Write Client File    tester    token=${token}
    VAR    ${message} =
    ...    The controller ${ENDPOINT} did not accept client default/tester ('${file}', which config= names): its token belongs to another client (permission denied for client default/tester). Check namespace, name and token of the client configuration, or log in again: `jmp login`.
    Controller Should Refuse    ${message}    config=${file}

Token Of An Exporter
    ${token} =    Exporter Token    beta-1
    ${file} =    Write Client File    tester    token=${token}
    VAR    ${message} =
    ...    The controller ${ENDPOINT} did not accept client default/tester ('${file}', which config= names): its token belongs to another client (permission denied for client default/tester). Check namespace, name and token of the client configuration, or log in again: `jmp login`.
    Controller Should Refuse    ${message}    config=${file}

Unknown Client
    ${file} =    Write Client File    tester    metadata.name=stranger
    VAR    ${message} =
    ...    The controller ${ENDPOINT} did not accept client default/stranger ('${file}', which config= names): there is no client of that name in that namespace. Check namespace, name and token of the client configuration, or log in again: `jmp login`.
    Controller Should Refuse    ${message}    config=${file}

Another Namespace
    ${file} =    Write Client File    tester    metadata.namespace=elsewhere
    VAR    ${message} =
    ...    The controller ${ENDPOINT} did not accept client elsewhere/tester ('${file}', which config= names): there is no client of that name in that namespace. Check namespace, name and token of the client configuration, or log in again: `jmp login`.
    Controller Should Refuse    ${message}    config=${file}

# Who does not answer

Unknown Authority
    ${endpoint}    ${_ca} =    Start Another Controller    127.0.0.1
    ${file} =    Write Client File    tester    endpoint=${endpoint}
    VAR    ${message} =
    ...    The secure connection to controller ${endpoint} could not be made: its certificate is not trusted here: another authority signed it, or it has expired. Check tls.ca and tls.insecure of the client configuration ('${file}', which config= names), and the name in its endpoint.
    Controller Should Refuse    ${message}    config=${file}

Certificate Of Another Host
    ${endpoint}    ${ca} =    Start Another Controller    lab.example.com
    ${file} =    Write Client File    tester    endpoint=${endpoint}    tls.ca=${ca}
    VAR    ${message} =
    ...    The secure connection to controller ${endpoint} could not be made: its certificate is not for this host name. Check tls.ca and tls.insecure of the client configuration ('${file}', which config= names), and the name in its endpoint.
    Controller Should Refuse    ${message}    config=${file}
    # A client that trusts any certificate still looks at the name in it.
    ${file} =    Write Client File    tester    endpoint=${endpoint}    tls.insecure=${True}
    VAR    ${message} =
    ...    The secure connection to controller ${endpoint} could not be made: its certificate is not for this host name. Check tls.ca and tls.insecure of the client configuration ('${file}', which config= names), and the name in its endpoint.
    Controller Should Refuse    ${message}    config=${file}

Expired Certificate
    ${endpoint}    ${ca} =    Start Another Controller    127.0.0.1    life=-1 h
    ${file} =    Write Client File    tester    endpoint=${endpoint}    tls.ca=${ca}
    VAR    ${message} =
    ...    The secure connection to controller ${endpoint} could not be made: its certificate has expired. Check tls.ca and tls.insecure of the client configuration ('${file}', which config= names), and the name in its endpoint.
    Controller Should Refuse    ${message}    config=${file}

Controller Without TLS
    ${endpoint}    ${ca} =    Start Another Controller    plaintext=yes
    ${file} =    Write Client File    tester    endpoint=${endpoint}    tls.ca=${ca}
    VAR    ${message} =
    ...    The secure connection to controller ${endpoint} could not be made: it does not speak TLS. Check tls.ca and tls.insecure of the client configuration ('${file}', which config= names), and the name in its endpoint.
    Controller Should Refuse    ${message}    config=${file}
    ${file} =    Write Client File    tester    endpoint=${endpoint}    tls.insecure=${True}
    VAR    ${message} =
    ...    ${endpoint} does not speak TLS: WRONG_VERSION_NUMBER. Check the endpoint of the client configuration: controllers and routers always speak TLS.
    Controller Should Refuse    ${message}    config=${file}

Any Certificate Is Trusted On Request
    [Documentation]    By the file, or by the environment against the file.
    ${file} =    Write Client File    tester    tls.ca=${None}    tls.insecure=${True}
    Client Should Be    tester    config=${file}
    ${_endpoint}    ${ca} =    Start Another Controller    127.0.0.1
    ${file} =    Write Client File    tester    tls.ca=${ca}
    Set Environment Variable    JMP_GRPC_INSECURE    1
    Client Should Be    tester    config=${file}

Host Name That Does Not Resolve
    ${file} =    Write Client File    tester    endpoint=no-such-host.invalid:8082
    VAR    ${message} =
    ...    The controller no-such-host.invalid:8082 cannot be reached: the host name could not be resolved. Check the endpoint of the client configuration ('${file}', which config= names) and the network.
    Controller Should Refuse    ${message}    0.5 s    config=${file}
    ${file} =    Write Client File    tester    endpoint=no-such-host.invalid:8082    tls.insecure=${True}
    # What the resolver says is the system's own word.
    ${said} =    Resolver Error    no-such-host.invalid
    VAR    ${message} =
    ...    The host name 'no-such-host.invalid' could not be resolved: ${said}. Check the name and the network.
    Controller Should Refuse    ${message}    0.5 s    config=${file}

No Listener
    ${file} =    Write Client File    tester    endpoint=127.0.0.1:1
    VAR    ${message} =
    ...    The controller 127.0.0.1:1 cannot be reached: connection refused. Check the endpoint of the client configuration ('${file}', which config= names) and the network.
    Controller Should Refuse    ${message}    0.5 s    config=${file}
    ${file} =    Write Client File    tester    endpoint=127.0.0.1:1    tls.insecure=${True}
    VAR    ${message} =
    ...    No connection to 127.0.0.1:1: Connection refused. Check the address, and that a server listens there.
    Controller Should Refuse    ${message}    0.5 s    config=${file}


*** Keywords ***
Client Should Be
    [Documentation]    It is the lab who tells which client has called.
    [Arguments]    ${expected}    &{arguments}
    ${library} =    Import Library With    &{arguments}
    Run Keyword    ${library}.Get Exporters
    ${caller} =    Last Caller
    Should Be Equal    ${caller}    ${expected}

Setup Should Be Refused
    [Arguments]    ${message}    &{arguments}
    ${library} =    Import Library With    &{arguments}
    Run Keyword And Expect Error    EQUALS:${message}    ${library}.Log Jumpstarter Setup
    Run Keyword And Expect Error    EQUALS:${message}    ${library}.Acquire Lease    board=alpha
    Calls Should Be    CreateLease=0

Import Should Be Refused
    [Arguments]    ${message}    &{arguments}
    Run Keyword And Expect Error
    ...    REGEXP:Initializing library 'JumpstarterLibrary' with arguments \\[ .* \\] failed: (ConfigurationError: )?${{ re.escape($message) }}(?s:.*)
    ...    Import Library With    &{arguments}

Value Should Be Refused
    [Arguments]    ${key}    ${value}    ${line}    ${message}
    VAR    &{changes} =    ${key}=${value}
    ${file} =    Write Client File    tester    &{changes}
    Setup Should Be Refused    '${key}' in '${file}' (line ${line}) ${message}    config=${file}

Controller Should Refuse
    [Documentation]    The answer is the same for each keyword, and comes soon: no keyword waits for what cannot come.
    [Arguments]    ${message}    ${timeout}=30 s    &{arguments}
    ${library} =    Import Library With    &{arguments}
    Run Keyword And Expect Error    EQUALS:${message}    ${library}.Get Exporters
    ${before} =    Evaluate    time.monotonic()    modules=time
    Run Keyword And Expect Error    EQUALS:${message}    ${library}.Acquire Lease    board=alpha    timeout=${timeout}
    ${after} =    Evaluate    time.monotonic()    modules=time
    Should Be True    $after - $before < 4
    Nothing Should Be Left

Put Identity Into Environment
    [Arguments]    ${client}
    &{variables} =    Identity In Environment    ${client}
    FOR    ${name}    ${value}    IN    &{variables}
        Set Environment Variable    ${name}    ${value}
    END
