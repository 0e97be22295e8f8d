package testbed

import (
	"errors"
	"os"
	"syscall"
)

// tryLock refuses: etcd and kube-apiserver do not run on Windows. This file is there so that the tests
// of the plugin, which does, can be vetted for it.
func tryLock(*os.File) (busy bool, err error) {
	return false, errors.New("the test bed needs Linux or macOS")
}

func ownGroup() *syscall.SysProcAttr { return nil }
