*** Settings ***
Documentation    Nothing, for comparison.


*** Test Cases ***
Nothing
    [Documentation]    What Robot Framework costs by itself.
    No Operation
