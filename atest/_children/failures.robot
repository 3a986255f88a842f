*** Settings ***
Documentation    Run as a child by other suites: one failure of each kind.

Library          JumpstarterLibrary


*** Test Cases ***
Driver
    Call Driver    faulty    fail    runtime

Device
    Console Should Contain    login:    timeout=0 s    driver=silent

Usage
    Power On

Configuration
    Connect To Exporter    /no/such/socket    tls=pin

Link
    Connect To Exporter    127.0.0.1:1    tls=plaintext

Stream
    Console Should Contain    login:    driver=mux
