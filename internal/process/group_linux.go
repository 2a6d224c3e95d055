package process

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// attributes put the child into a group of its own and have it killed when this
// process dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// groupLives looks for a process of the group that has not ended. Where the
// system does not tell, there is one.
func groupLives(group int) bool {
	folder, err := os.Open("/proc")
	if err != nil {
		return true
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return true
	}
	want := []byte(strconv.Itoa(group))
	for _, name := range names {
		if name[0] < '0' || name[0] > '9' {
			continue
		}
		stat, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue // it has ended
		}
		// pid (name) state parent group …, and the name may hold anything
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 2 && bytes.Equal(fields[2], want) && fields[0][0] != 'Z' && fields[0][0] != 'X' {
			return true
		}
	}
	return false
}
