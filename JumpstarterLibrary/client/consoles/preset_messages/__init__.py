"""Messages of systems that die or do not start, a module for each kind of system.

message           one kind of message: its name, what it tells, and its expression
linux             Linux, its init and its initramfs; and its killer of processes that need too much memory
android           Android beside its kernel
u_boot            U-Boot and its SPL
firmware          TF-A, OP-TEE, UEFI and OpenSBI
xen               the hypervisor Xen
microcontrollers  Zephyr with MCUboot, ESP-IDF and NuttX
"""
