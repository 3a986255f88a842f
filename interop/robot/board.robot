*** Settings ***
Documentation    Every capability with the keywords, on upstream's exporter, and on ours for comparison. It is the
...              one that JUMPSTARTER_HOST names (interop/test_robot.py), or one that is leased for SELECTOR
...              (interop/leases/test_our_client.py). FILES is the folder of the exporter's file store.

Library          OperatingSystem
Library          JumpstarterLibrary    timeout=10 s    selector=${SELECTOR}

Suite Setup      Create Image


*** Variables ***
${FILES}       ${EMPTY}
${SELECTOR}    ${None}
${EXPORTER}    %{JUMPSTARTER_HOST=}
${IMAGE}       ${OUTPUT_DIR}${/}image.bin


*** Test Cases ***
Tree Is What The Configuration Says
    ${paths} =    List Drivers
    Should Be Equal    ${paths}[0]    power
    Should Contain    ${paths}    group.relay
    Should Contain    ${paths}    supply
    Log Device Tree

Power Is Switched And Measured
    FOR    ${driver}    IN    power    group.relay    supply
        Power On    driver=${driver}
        Power Cycle    driver=${driver}    off_time=0 s
        Power Off    driver=${driver}
        ${readings} =    Get Power Readings    driver=${driver}
        Length Should Be    ${readings}    2
        Should Be Equal    ${readings[1].power}    ${10.0}
    END

Several Power Drivers Must Be Told Apart
    Run Keyword And Expect Error
    ...    EQUALS:The exporter '${EXPORTER}' has several power drivers: power, group.relay. Say which with driver=.
    ...    Power On

Images Arrive Byte For Byte
    [Template]    Image Should Arrive
    mux
    flashmux
    flasher
    flasher    target=root
    files    target=robot/image.bin

File Store Proves What It Has
    ${written} =    Write Image    ${IMAGE}    driver=files    target=robot/proof.bin
    Should Be Equal    ${written.verdict.value}    verified
    ${there} =    Get Binary File    ${FILES}/robot/proof.bin
    ${here} =    Get Binary File    ${IMAGE}
    Should Be Equal    ${there}    ${here}

Medium Changes Sides
    Connect Storage To Exporter    driver=mux
    Connect Storage To Device    driver=mux

Console Carries A Login And Commands
    # The prompt of before this connection is gone. After a power action a silent board gets 10 seconds to boot, which
    # this one does not need.
    Write To Console    ${EMPTY}    driver=console
    Log In To Console    root    secret    driver=console
    ${result} =    Run Command    echo hello; expr 6 \\* 7    driver=console
    Should Be Equal    ${result.stdout}    hello\n42
    Run Command    sh -c 'exit 3'    expect_status=3    driver=console
    ${result} =    Run Command    seq 1 5000 | wc -l    driver=console
    Should Be Equal    ${result.stdout.strip()}    5000
    Write To Console    exit    driver=console
    Console Should Contain    login:    driver=console

Second Serial Port Echoes
    Write To Console    one two three    driver=wire
    Console Should Contain    regexp:one (?P<middle>\\w+) three    driver=wire
    Console Should Not Contain    four    driver=wire
    ${text} =    Get Console Text    since=connect    driver=wire
    Should Contain    ${text}    one two three

Any Driver Can Be Called
    ${back} =    Call Driver    faults    same    ${{ {'list': [1, 2.5, None], 'text': 'Grüße'} }}
    Should Be Equal    ${back}    ${{ {'list': [1, 2.5, None], 'text': 'Grüße'} }}
    Driver Should Support    faults    same
    Run Keyword And Expect Error
    ...    STARTS:Driver 'faults' has no unary method 'nothing':
    ...    Call Driver    faults    nothing
    Run Keyword And Expect Error
    ...    EQUALS:'fail' of driver 'faults' failed on the exporter: the fuse has blown.
    ...    Call Driver    faults    fail    RuntimeError    the fuse has blown
    @{readings} =    Stream From Driver    power    read
    Length Should Be    ${readings}    2

Call That Takes Too Long Is Cancelled
    Run Keyword And Expect Error
    ...    STARTS:'wait' of driver 'faults' did not finish within 200 milliseconds and was cancelled.
    ...    Call Driver    faults    wait    ${30}    timeout=0.2 s

Two Devices At Once
    [Tags]    shell
    Connect To Exporter    %{JUMPSTARTER_HOST}    alias=other
    Power On    device=other    driver=power
    Disconnect    device=other
    Power On    device=device    driver=power


*** Keywords ***
Create Image
    Create Binary File    ${IMAGE}    ${{ random.Random(7).randbytes(1_500_003) }}
    Connect To Exporter    alias=device

Image Should Arrive
    [Arguments]    ${driver}    &{where}
    ${written} =    Write Image    ${IMAGE}    driver=${driver}    verify=read_back    &{where}
    Should Be Equal    ${written.verdict.value}    verified
    ${read} =    Read Image    ${OUTPUT_DIR}${/}back.bin    driver=${driver}    &{where}
    Should Be Equal    ${read.sha256}    ${written.sha256}
    ${back} =    Get Binary File    ${OUTPUT_DIR}${/}back.bin
    ${image} =    Get Binary File    ${IMAGE}
    Should Be True    $back == $image
