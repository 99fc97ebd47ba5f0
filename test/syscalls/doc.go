// Package syscalls answers "what did a process really ask of the file system":
// it runs a program under ptrace and hands out its system calls on files, in
// order, with the bytes they wrote. It can also make the kernel refuse one, so
// that a disk's error comes from where disks' errors come from.
//
// It needs no other program and no privilege, but Linux 5.3 or newer.
package syscalls
