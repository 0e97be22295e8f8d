package cmd

import (
	"cmp"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
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

// clusterNames are what the kubeconfig calls the cluster: the context and the cluster, as flags choose them.
// There are none where no kubeconfig names one.
func (r *root) clusterNames() []policy.Named {
	raw, err := r.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil // the client reports it
	}
	var names []policy.Named
	context := cmp.Or(*r.config.Context, raw.CurrentContext)
	if context != "" {
		names = append(names, policy.Named{What: "context", Name: context})
	}
	cluster := *r.config.ClusterName
	if c := raw.Contexts[context]; c != nil {
		cluster = cmp.Or(cluster, c.Cluster)
	}
	if cluster != "" {
		names = append(names, policy.Named{What: "cluster", Name: cluster})
	}
	return names
}

// leadsBeyond tells whether the kubeconfig has contexts of other clusters, by the ways to them, than those of some contexts;
// where none is given, than the cluster that the flags name.
func (r *root) leadsBeyond(contexts []string) bool {
	raw, err := r.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return false // the client reports it
	}
	of := func(context string) clientcmdapi.Cluster {
		if c := raw.Contexts[context]; c != nil && raw.Clusters[c.Cluster] != nil {
			return *raw.Clusters[c.Cluster]
		}
		return clientcmdapi.Cluster{}
	}
	var looked []clientcmdapi.Cluster
	for _, name := range contexts {
		looked = append(looked, of(name))
	}
	if len(contexts) == 0 {
		asked := of(cmp.Or(*r.config.Context, raw.CurrentContext))
		if c := raw.Clusters[*r.config.ClusterName]; c != nil {
			asked = *c
		}
		asked.Server, asked.TLSServerName, asked.ProxyURL = cmp.Or(*r.config.APIServer, asked.Server), cmp.Or(*r.config.TLSServerName, asked.TLSServerName), cmp.Or(*r.config.ProxyURL, asked.ProxyURL)
		if *r.config.CAFile != "" {
			asked.CertificateAuthority, asked.CertificateAuthorityData = *r.config.CAFile, nil
		}
		looked = append(looked, asked)
	}
	for name := range raw.Contexts {
		c := of(name)
		if wayTo(&c) != (way{}) && !slices.ContainsFunc(looked, func(l clientcmdapi.Cluster) bool { return !elsewhere(&l, &c) }) {
			return true
		}
	}
	return false
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
func stdoutSize() (width, height int) { return sizeOf(os.Stdout) }

// stderrWidth asks the terminal that stderr is; 0 where it is none.
func stderrWidth() int {
	width, _ := sizeOf(os.Stderr)
	return width
}

func sizeOf(f *os.File) (width, height int) {
	w, h, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0
	}
	return w, h
}

// keySuspend is Ctrl-Z, a key like others where keys are read one by one.
const keySuspend = 26

// readKeys makes the terminal that stdin is hand over each key as it is pressed, until restore is called.
func readKeys() (keys <-chan byte, restore func(), err error) {
	t := &keyTerminal{in: os.Stdin, makeRaw: func() (func(), error) {
		before, err := term.MakeRaw(int(os.Stdin.Fd()))
		return func() { _ = term.Restore(int(os.Stdin.Fd()), before) }, err
	}, suspend: suspendSelf}
	return t.read()
}

// keyTerminal is a terminal whose keys are read one by one.
type keyTerminal struct {
	in      io.Reader
	makeRaw func() (restore func(), err error)
	suspend func() // stops the program until the shell lets it go on; nil where shells cannot

	mu      sync.Mutex
	restore func()
	ended   bool
}

func (t *keyTerminal) read() (keys <-chan byte, end func(), err error) {
	if t.restore, err = t.makeRaw(); err != nil {
		return nil, nil, err
	}
	pressed := make(chan byte)
	go func() {
		defer close(pressed)
		key := make([]byte, 1)
		for {
			if n, err := t.in.Read(key); err != nil || n == 0 {
				return
			}
			if key[0] == keySuspend && t.suspend != nil {
				t.pause()
			}
			pressed <- key[0]
		}
	}()
	return pressed, t.end, nil
}

// pause gives the terminal back while the program is stopped, and takes it again, unless the program has ended meanwhile.
func (t *keyTerminal) pause() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return
	}
	t.restore()
	t.suspend()
	if restore, err := t.makeRaw(); err == nil {
		t.restore = restore
	}
}

func (t *keyTerminal) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.restore()
}
