*** Settings ***
Documentation    Run as a child by other suites: a lease that cannot be released.

Library          JumpstarterLibrary    mode=virtual


*** Test Cases ***
Undeletable
    Acquire Lease    exporter=virtual-1    name=night-5
    Inject Fault    controller    fail    rpc=DeleteLease
    Release Lease
