*** Test Cases ***
Nothing
    [Documentation]    What Robot Framework costs by itself.
    No Operation
