*** Settings ***
Documentation    Run as a child by other suites: no keyword asks for a lease.

Library          JumpstarterLibrary    selector=board=beta    scope=suite


*** Test Cases ***
Use
    Power On

Use The Same
    Power Off
    ${lease} =    Get Lease
    Should Be Equal    ${lease.exporter}    beta-1
