*** Settings ***
Documentation    Arguments that are named-only, and those of commands: what the refusal of one without its name says.

Library          JumpstarterLibrary    mode=virtual    AS    Board


*** Variables ***
${PATH}    power


*** Test Cases ***
A Driver Without Its Name
    Run Keyword And Expect Error
    ...    EQUALS:Keyword 'Board.Power On' expected 0 non-named arguments, got 1. Write 'power' with its name, such as driver=power or device=power.
    ...    Power On    power
    Run Keyword And Expect Error
    ...    EQUALS:Keyword 'Board.Power Off' expected 0 non-named arguments, got 1. Write '\${PATH}' with its name, such as driver=\${PATH} or device=\${PATH}.
    ...    Power Off    ${PATH}

A Command In Several Arguments
    Run Keyword And Expect Error
    ...    EQUALS:Keyword 'Board.Run Command' expected 1 non-named argument, got 2. Write 'hello' with its name, such as driver=hello or device=hello; where it belongs to the argument before it, put one space between them: 'echo hello'.
    ...    Run Command    echo    hello

A Keyword Of Another Library
    Run Keyword And Expect Error
    ...    EQUALS:Keyword 'BuiltIn.Get Count' expected 2 arguments, got 1.
    ...    Get Count    x

Through Other Keywords
    ${status}    ${message} =    Run Keyword And Ignore Error    Wrapper
    Should Be Equal    ${status}    FAIL
    Should End With    ${message}    such as driver=power or device=power.
    TRY
        Power Cycle    power
    EXCEPT    *driver=power*    type=GLOB
        No Operation
    END


*** Keywords ***
Wrapper
    Run Keyword    Power On    power
