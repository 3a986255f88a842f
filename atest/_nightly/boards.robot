# robocop: fmt: off
*** Settings ***
Documentation    One suite for many boards: real shells with their line editors behind played boot loaders and logins,
...              and real software in QEMU. A part of ``inv nightly``.

Library          JumpstarterLibrary    timeout=20 s
Library          ../libraries/ShellBoards.py
Resource         ../resources/boards.resource
Variables        ../resources/awkward_commands.yaml

Test Template    Board Should Work


*** Test Cases ***           SHELL              PROMPT                                                              TERM              COLUMNS    BAUD      LOADER          LOGIN          INIT
Bash                         bash               root@board:~#                                                       vt220             0          0         u-boot          getty          systemd
Bash In The C Locale         bash, C            root@bbbbbb:~#                                                      vt100             0          115200    u-boot          getty          systemd
Bash As Debian Has It        bash, as Debian    ${EMPTY}                                                            linux             80         0         seabios         getty          systemd
Bash At 9600 Baud            bash               root@slow:~#                                                        vt100             80         9600      u-boot          getty          busybox
Bash On A Narrow Terminal    bash               root@narrow:~#                                                      xterm-256color    40         0         spl             getty          systemd
Bash On A Wide Terminal      bash               root@wide:~#                                                        xterm-256color    200        0         seabios         getty          systemd
Bash On A Dumb Terminal      bash               $                                                                   dumb              80         0         u-boot          german         busybox
Bash With Colours            bash               \\[\\e[1;32m\\]\\u@\\h\\[\\e[0m\\]:\\[\\e[34m\\]\\w\\[\\e[0m\\]#    xterm-256color    80         115200    u-boot          getty          systemd
Bash With Two Lines          bash               \\n\\u in \\w\\n\\$                                                 vt220             80         0         barebox         getty          systemd
Bash With A Title            bash               \\[\\e]0;\\u@\\h: \\w\\a\\]\\u@\\h:\\w#                             xterm-256color    100        0         u-boot          getty          systemd
Bash In Vi Mode              bash, vi           root@vi:~#                                                          vt220             80         0         u-boot          getty          busybox
Bash That Scrolls            bash, scroll       root@scroll:~#                                                      vt220             60         0         u-boot          getty          busybox
Bash Without Paste           bash, no paste     board$                                                              linux             132        0         quiet           getty          quiet
Bash Without An Editor       bash, no editor    \#                                                                  dumb              80         38400     u-boot          username       busybox
Ash                          ash                ~ #                                                                 vt100             0          115200    u-boot          getty          busybox
Ash After Enter              ash                root@OpenWrt:/#                                                     vt100             80         0         u-boot-1.1.4    press-enter    busybox
Ash On A Narrow Terminal     ash                / #                                                                 linux             40         0         barebox         getty          busybox
Ash Without A Login          ash                / #                                                                 vt102             80         9600      spl             none           busybox
Dash                         dash               \#                                                                  dumb              80         0         u-boot          getty          busybox
Dash On A Quiet Board        dash               $                                                                   vt100             80         115200    quiet           getty          quiet
Mksh                         mksh               board#                                                              vt220             80         0         u-boot          getty          busybox
Mksh On A Narrow Terminal    mksh               root@narrow:/ #                                                     linux             40         0         u-boot-1.1.4    username       busybox
Yash                         yash               yash#                                                               vt100             80         0         seabios         german         systemd

Linux Behind U-Boot In QEMU
    [Template]    Whole Board Should Work
    qemu-linux
Quiet Linux Behind SeaBIOS In QEMU
    [Template]    System On Board Should Work
    qemu-linux-quiet
U-Boot On ARM In QEMU
    [Template]    Boot Loader On Board Should Work
    qemu-uboot
U-Boot On ARM64 In QEMU
    [Template]    Boot Loader On Board Should Work
    qemu-uboot-arm64
U-Boot On A PC In QEMU
    [Template]    Boot Loader On Board Should Work
    qemu-uboot-x86


*** Keywords ***
Whole Board Should Work
    [Documentation]    Starts a board with a boot loader and a system, and makes both work.
    [Arguments]    ${name}
    Boot Loader On Board Should Work    ${name}
    System On Board Should Work    ${name}

System On Board Should Work
    [Documentation]    Starts a board, and makes its system work.
    [Arguments]    ${name}
    Connect To Board    ${name}
    Set Device Credentials    root    ${SECRET}
    System Should Work    reboot    echo c > /proc/sysrq-trigger
    [Teardown]    Disconnect

Boot Loader On Board Should Work
    [Documentation]    Starts a board, and gives awkward commands to its boot loader.
    [Arguments]    ${name}
    Connect To Board    ${name}
    Ensure Device State    bootloader    timeout=60 s
    FOR    ${command}    ${printed}    ${status}    IN    @{{sum($AWKWARD_UBOOT_COMMANDS, [])}}
        ${result} =    Run U-Boot Command    ${command}    expect_status=${status}
        Should Be Equal    ${result.stdout}    ${printed}    ${command}
    END
    Device State Should Be    bootloader
    [Teardown]    Disconnect

Board Should Work
    [Documentation]    Starts a shell board, and makes its system work.
    [Arguments]    @{row}
    ${config} =    Write Shell Board Config    @{row}
    ${host} =    Start Exporter    ${config}
    Connect To Exporter    ${host}
    Set Device Credentials    root    ${SECRET}
    System Should Work    board-reboot    board-crash
    [Teardown]    Disconnect

System Should Work
    [Documentation]    Boots a system, runs commands, logs in again, restarts it, crashes it, and recovers.
    [Arguments]    ${reboot}    ${crash}
    Ensure Device State    shell    timeout=60 s
    Awkward Commands Should Work
    Write To Console    exit
    Log In To Console    root    ${SECRET}    timeout=60 s
    Run Command    ${reboot}    expect_status=restart    timeout=60 s
    Ensure Device State    shell    timeout=60 s
    Crash Should Be Told    ${crash}
    Ensure Device State    shell    timeout=60 s
    Ensure Device State    off

Awkward Commands Should Work
    [Documentation]    Runs each command and compares what it prints.
    FOR    ${command}    ${printed}    ${status}    IN    @{{sum($AWKWARD_COMMANDS, [])}}
        ${result} =    Run Command    ${command}    expect_status=${status}    timeout=60 s
        Should Be Equal    ${result.stdout}    ${printed}    ${command}
    END

Crash Should Be Told
    [Documentation]    Crashes the board's kernel, and looks for the whole trace in the error.
    [Arguments]    ${command}
    Register Failing Console Pattern    preset=linux
    ${error} =    Run Keyword And Expect Error    *Kernel panic - not syncing: sysrq triggered crash*
    ...    Run Command    ${command}    timeout=60 s
    Should Contain    ${error}    end Kernel panic
    [Teardown]    Unregister Failing Console Pattern
