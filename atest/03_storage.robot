*** Settings ***
Documentation    Storage: images arrive byte for byte, or the test fails.

Library          OperatingSystem
Library          JumpstarterLibrary
Library          libraries/Images.py
Resource         resources/exporters.resource

Suite Setup      Connect To Fresh Exporter    ${CROWDED}


*** Test Cases ***
Every Kind Of Storage Takes An Image
    [Template]    Image Should Arrive
    driver=mux
    driver=flasher
    driver=flasher    target=root
    driver=files    target=images/a.img

Compressed Images Are Unpacked On Their Way
    [Template]    Compressed Image Should Arrive
    gzip
    xz
    bz2

Compressed Image Can Be Written As It Is
    ${_plain}    ${packed} =    Create Compressed Image    gzip
    ${written} =    Write Image    ${packed}    compression=none    driver=mux
    ${read} =    Read Image    ${OUTPUT_DIR}/read.img    size=${written.size}    driver=mux
    Should Be Equal    ${read.sha256}    ${written.sha256}

File Store Is Verified By Its Hash
    ${written} =    Write Image    ${IMAGE}    driver=files
    Should Be Equal    ${written.verdict.value}    verified

Verdict Is Always Given
    ${written} =    Write Image    ${IMAGE}    driver=mux
    Should Be Equal    ${written.verdict.value}    written, not verifiable here
    ${written} =    Write Image    ${IMAGE}    driver=mux    verify=none
    Should Be Equal    ${written.verdict.value}    written, not checked

Expected Hash Is Checked First
    ${digest} =    Sha256 Of    ${IMAGE}
    Write Image    ${IMAGE}    sha256=${digest}    driver=mux
    Run Keyword And Expect Error
    ...    EQUALS:The image 'hello.img' has SHA-256 ${digest}, not 0123. Nothing was written.
    ...    Write Image    ${IMAGE}    sha256=0123    driver=mux

Exporter Fetches A URL
    ${url} =    Serve File    ${IMAGE}
    Write Image    ${url}    driver=flasher
    ${read} =    Read Image    ${OUTPUT_DIR}/fetched.img    driver=flasher
    ${digest} =    Sha256 Of    ${IMAGE}
    Should Be Equal    ${read.sha256}    ${digest}
    Run Keyword And Expect Error
    ...    EQUALS:sha256= needs the image here, and the exporter fetches '${url}' by itself. Download the image first, or leave sha256= out.
    ...    Write Image    ${url}    driver=flasher    sha256=${digest}
    Run Keyword And Expect Error
    ...    EQUALS:Writing '${url}' to driver 'files' needs target=, the path of the file to write.
    ...    Write Image    ${url}    driver=files

Medium Changes Sides
    [Setup]    Connect To Another Exporter    ${RECORDING}    recorder
    Connect Storage To Exporter
    ${sides} =    Call Driver    mux    history
    Should Be Equal    ${sides}    ${{ ['exporter'] }}
    Connect Storage To Device
    ${sides} =    Call Driver    mux    history
    Should Be Equal    ${sides}    ${{ ['exporter', 'device'] }}
    [Teardown]    Disconnect    device=recorder

Image Is Not There
    Run Keyword And Expect Error
    ...    EQUALS:There is no image file '/no/such.img'. Check the path; it is relative to '${{ os.getcwd() }}'.
    ...    Write Image    /no/such.img    driver=mux

Several Storages
    VAR    ${message} =
    ...    EQUALS:The exporter '${HOST}' has several storage drivers: flasher, mux, full, slow, forgetful, files. Say which with driver=.
    Run Keyword And Expect Error    ${message}    Write Image    ${IMAGE}
    Run Keyword And Expect Error    ${message}    Read Image    ${OUTPUT_DIR}/never.img
    VAR    ${message} =
    ...    EQUALS:The exporter '${HOST}' has several storage mux drivers: mux, full, slow, forgetful. Say which with driver=.
    Run Keyword And Expect Error    ${message}    Connect Storage To Device
    Run Keyword And Expect Error    ${message}    Connect Storage To Exporter

No Storage
    ${host} =    Start Exporter    ${BARE}
    Connect To Exporter    ${host}    alias=bare
    VAR    ${message} =
    ...    EQUALS:The exporter '${host}' has no storage driver: no mux, flasher or file store. It has: echo. The device is 'bare' (exporter '${host}').
    Run Keyword And Expect Error    ${message}    Write Image    ${IMAGE}
    Run Keyword And Expect Error    ${message}    Read Image    ${OUTPUT_DIR}/never.img
    VAR    ${message} =    EQUALS:The exporter '${host}' has no storage mux driver. It has: echo. The device is 'bare' (exporter '${host}').
    Run Keyword And Expect Error    ${message}    Connect Storage To Device
    Run Keyword And Expect Error    ${message}    Connect Storage To Exporter
    [Teardown]    Disconnect    device=bare

Driver Of Another Kind
    Run Keyword And Expect Error
    ...    EQUALS:Driver 'loop' is no storage driver; its exporter calls it 'jumpstarter_driver_pyserial.client.PySerialClient'.
    ...    Write Image    ${IMAGE}    driver=loop

Mux Knows No Target
    VAR    ${message} =
    ...    EQUALS:Driver 'mux' is a storage mux, which writes the whole medium and knows no target 'boot'. Leave target= out.
    Run Keyword And Expect Error    ${message}    Write Image    ${IMAGE}    driver=mux    target=boot
    Run Keyword And Expect Error    ${message}    Read Image    ${OUTPUT_DIR}/x    driver=mux    target=boot

File Store Needs A Path To Read
    Run Keyword And Expect Error
    ...    EQUALS:Reading from driver 'files' needs target=, the path of the file to read.
    ...    Read Image    ${OUTPUT_DIR}/never.img    driver=files

Medium Is Full
    Run Keyword And Expect Error
    ...    EQUALS:'write' of driver 'full' failed on the exporter: No space left on device.
    ...    Write Image    ${IMAGE}    driver=full

Medium Takes Nothing
    Run Keyword And Expect Error
    ...    EQUALS:'write' of driver 'slow' did not finish within 300 milliseconds and was cancelled. The exporter may still be working on it. Give it more time with timeout=.
    ...    Write Image    ${IMAGE}    driver=slow    timeout=0.3 s

Driver That Did Not Write Is Found Out
    ${digest} =    Sha256 Of    ${IMAGE}
    ${size} =    Get File Size    ${IMAGE}
    Run Keyword And Expect Error
    ...    EQUALS:Driver 'forgetful' reported success, but the image read back differs: ${size} bytes with SHA-256 ${digest} were written, 9 bytes with SHA-256 ${{ hashlib.sha256(b'too short').hexdigest() }} were read.
    ...    Write Image    ${IMAGE}    driver=forgetful    verify=read_back

Medium Gives Less Than Asked For
    Run Keyword And Expect Error
    ...    EQUALS:Driver 'full' gave 9 bytes where 100 were asked for.
    ...    Read Image    ${OUTPUT_DIR}/never.img    driver=full    size=100
    File Should Not Exist    ${OUTPUT_DIR}/never.img

File To Read Into Cannot Be Written
    Run Keyword And Expect Error
    ...    EQUALS:The image could not be written to '/dev/null/never.img': File exists.
    ...    Read Image    /dev/null/never.img    driver=flasher

Size And File That Cannot Be
    Run Keyword And Expect Error
    ...    EQUALS:size=-1 is no number of bytes to read.
    ...    Read Image    ${OUTPUT_DIR}/never.img    size=-1    driver=flasher
    Run Keyword And Expect Error
    ...    EQUALS:'/' is no file to write an image to.
    ...    Read Image    /    driver=flasher

Damaged Archive
    [Documentation]    The side that decompresses notices it: here the one that hashes what arrives.
    ${_plain}    ${packed} =    Create Compressed Image    gzip    damaged=yes
    Run Keyword And Expect Error
    ...    EQUALS:The image is truncated: its gzip data ends too early.
    ...    Write Image    ${packed}    driver=files


*** Keywords ***
Image Should Arrive
    [Arguments]    &{where}
    ${image} =    Create Random Image    300000
    ${written} =    Write Image    ${image}    verify=read_back    &{where}
    Should Be Equal    ${written.verdict.value}    verified
    ${read} =    Read Image    ${OUTPUT_DIR}/read.img    size=${300000}    &{where}
    Should Be Equal    ${read.sha256}    ${written.sha256}
    ${digest} =    Sha256 Of    ${OUTPUT_DIR}/read.img
    Should Be Equal    ${digest}    ${written.sha256}

Compressed Image Should Arrive
    [Arguments]    ${compression}
    ${plain}    ${packed} =    Create Compressed Image    ${compression}
    Write Image    ${packed}    driver=files    target=unpacked.img
    ${read} =    Read Image    ${OUTPUT_DIR}/unpacked.img    driver=files    target=unpacked.img
    ${digest} =    Sha256 Of    ${plain}
    Should Be Equal    ${read.sha256}    ${digest}
