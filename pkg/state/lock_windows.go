package state

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// Locks of Windows are mandatory, so both lie far behind the content, which
// stays readable. Byte 0 of that place decides who may write. Nobody can ask
// about a lock here without trying to take it, so readers try a second byte,
// which Acquire does not decide by; the holder waits out a reader that has it
// for a moment.
const (
	decidingByte = 0
	liveByte     = 1
	lockPlace    = 1 << 30 // high half of the offset
)

func lockByte(f *os.File, b uint32) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{Offset: b, OffsetHigh: lockPlace})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

// tryLock takes the deciding lock; false when another open file has it.
func tryLock(f *os.File) (bool, error) { return lockByte(f, decidingByte) }

// markLive says that the lock is held and the holder's name is written.
func markLive(f *os.File) error {
	for range holderTries {
		if got, err := lockByte(f, liveByte); got || err != nil {
			return err
		}
		time.Sleep(holderPause)
	}
	return windows.ERROR_LOCK_VIOLATION
}

// probeLive asks for the mark by taking it for an instant.
func probeLive(f *os.File) (bool, error) {
	got, err := lockByte(f, liveByte)
	if err != nil || !got {
		return !got, err
	}
	return false, windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0,
		&windows.Overlapped{Offset: liveByte, OffsetHigh: lockPlace})
}

// letGo gives up a file that a wedged bbolt cannot close any more. Its mapping
// stays until the process ends.
func letGo(f *os.File) { f.Close() }

// syncDir has nothing to do: NTFS journals its directories.
func syncDir(string) error { return nil }
