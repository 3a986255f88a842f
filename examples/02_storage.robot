*** Settings ***
Documentation    Storage: write an image, read it back, compare.

Resource         device.resource

Suite Setup      Acquire Device


*** Variables ***
${IMAGE}      ${CURDIR}/images/hello.img
# Path of the storage driver. On your own board: --variable STORAGE:dutlink.storage
${STORAGE}    storage


*** Test Cases ***
Image Arrives Unharmed
    ${written} =    Write Image    ${IMAGE}    verify=read_back    driver=${STORAGE}
    Should Be Equal    ${written.verdict.value}    verified

Image Can Be Read Back
    ${written} =    Write Image    ${IMAGE}    driver=${STORAGE}
    ${read} =    Read Image    ${OUTPUT_DIR}/hello.img    size=${written.size}    driver=${STORAGE}
    Should Be Equal    ${read.sha256}    ${written.sha256}

Wrong Image Is Refused Before Anything Is Written
    TRY
        Write Image    ${IMAGE}    sha256=0123    driver=${STORAGE}
    EXCEPT    The image 'hello.img' has SHA-256 *, not 0123. Nothing was written.    type=GLOB
        Log    As it should be.
    ELSE
        Fail    The image was written.
    END
