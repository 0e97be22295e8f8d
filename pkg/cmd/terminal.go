package cmd

import (
	"os"
	"strings"

	"golang.org/x/term"
)

// terminalSize is that of the terminal that stdout is, now.
func (r *root) terminalSize() (width, height int) {
	if r.Size != nil {
		return r.Size()
	}
	return r.StdoutWidth, r.StdoutHeight
}

// contextName is the kubeconfig's context that is used.
func (r *root) contextName() string {
	if *r.config.Context != "" {
		return *r.config.Context
	}
	raw, err := r.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil || raw.CurrentContext == "" {
		return "cluster"
	}
	return raw.CurrentContext
}

// eastAsian tells whether the locale is one whose terminals may draw ambiguous characters (Unicode's annex 11)
// two cells wide, in the order in which POSIX reads the variables.
func eastAsian(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := getenv(name); locale != "" {
			return strings.HasPrefix(locale, "zh") || strings.HasPrefix(locale, "ja") || strings.HasPrefix(locale, "ko")
		}
	}
	return false
}

// stdoutSize asks the terminal that stdout is; 0 where it is none.
func stdoutSize() (width, height int) {
	w, h, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0, 0
	}
	return w, h
}

// readKeys makes the terminal that stdin is hand over each key as it is pressed, until restore is called.
func readKeys() (keys <-chan byte, restore func(), err error) {
	fd := int(os.Stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, nil, err
	}
	pressed := make(chan byte)
	go func() {
		defer close(pressed)
		key := make([]byte, 1)
		for {
			if n, err := os.Stdin.Read(key); err != nil || n == 0 {
				return
			}
			pressed <- key[0]
		}
	}()
	return pressed, func() { _ = term.Restore(fd, before) }, nil
}
