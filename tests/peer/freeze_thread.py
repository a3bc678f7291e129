#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds one thread of a program still, as a thread that hangs would be, while its others go on. Until we end.

Usage: freeze_thread.py TID
"""
import ctypes
import os
import signal
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, tid):
    if libc.ptrace(request, tid, None, None) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"ptrace of thread {tid}: {os.strerror(error)}")


tid = int(sys.argv[1])
ptrace(PTRACE_SEIZE, tid)
ptrace(PTRACE_INTERRUPT, tid)
os.waitpid(tid, WALL)
print("frozen", flush=True)
signal.pause()  # the kernel lets the thread go when its tracer is gone
