*** Settings ***
Library    JumpstarterLibrary
Library    Killing.py


*** Test Cases ***
A Board Is Used
    [Timeout]    %{KILL_TIMEOUT}
    Note Begin
    Crash When Told
    Acquire Lease    unit=%{KILL_UNIT}    duration=%{KILL_SOFT}    max_duration=1 h
    Call Driver    holder    hold    %{KILL_WORK}
