package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// freeForATime is applied by nobody: a source that Flux polls, and what applies it.
const freeForATime = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: free, namespace: %[1]s}
spec: {interval: 1h, timeout: 90s, url: %[2]q, ref: {branch: main}}
`

// state is what of the team's objects must be the same afterwards: what was chosen, annotations, and who owns which fields.
func (m *team) state() string {
	m.t.Helper()
	var all bytes.Buffer
	for _, o := range [][2]string{{"kustomization", "root"}, {"kustomization", "app"}, {"gitrepository", "free"}} {
		fmt.Fprintln(&all, o, m.object(o[0], o[1]))
		read := m.managedObject(o[0], o[1])
		for _, field := range []string{"interval", "timeout", "ignore"} {
			fmt.Fprintln(&all, field, owners(m.t, read, field))
		}
		assert.NotContains(m.t, m.field(o[0], o[1], ".metadata.managedFields[*].manager"), "fluxtune")
	}
	return all.String()
}

// TestForATime: what apply --for changed on real Flux, with a pin and without, is as if nothing had been when it is over: by its
// time, by Ctrl-C, and after kill -9 by revert --expired.
func TestForATime(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"its time", "Ctrl-C", "kill -9, then revert --expired"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			if way != "Ctrl-C" {
				measures(t)
			}
			m := newTeam(t, "", pinnedInGit, development)
			m.Apply(t, fmt.Sprintf(freeForATime, m.name, m.git.URL(m.name)))
			m.eventually("kustomization", "app", ".spec.interval", "5m", time.Minute)
			m.eventually("gitrepository", "free", `.status.conditions[?(@.type=="Ready")].status`, "True", time.Minute)
			before := m.state()

			how := time.Hour
			if way != "Ctrl-C" {
				how = 30 * time.Second
			}
			program := exec.CommandContext(t.Context(), os.Args[0], "apply", "-n", m.name, "--yes", "--managed=pin", "--shorten-timeouts", "--wait-timeout=1m", "--for", how.String(), "--kubeconfig", m.Kubeconfig())
			program.Env = append(os.Environ(), asPlugin+"=true")
			var printed bytes.Buffer
			program.Stdout, program.Stderr = &printed, &printed
			require.NoError(t, program.Start())
			m.eventually("kustomization", "app", ".spec.interval", "1m", time.Minute)
			m.eventually("gitrepository", "free", ".spec.interval", "1m", time.Minute)
			m.reconciles(1)
			assert.Equal(t, "1m", m.field("kustomization", "app", ".spec.interval"), "pinned for the time")
			switch way {
			case "Ctrl-C":
				require.NoError(t, program.Process.Signal(os.Interrupt))
			case "its time":
			default:
				require.NoError(t, program.Process.Kill())
			}
			err := program.Wait()
			t.Logf("%v\n%s", err, &printed)
			if way == "kill -9, then revert --expired" {
				for m.field("gitrepository", "free", ".spec.interval") == "1m" {
					time.Sleep(2 * time.Second)
					_, stderr, code := m.run(t.Context(), "revert", "-n", m.name, "--expired", "--yes", "--wait", "--wait-timeout=1m")
					require.Zero(t, code, stderr)
				}
			} else {
				require.NoError(t, err)
			}
			m.reconciles(1)
			assert.Equal(t, before, m.state())
			m.gitDecides()
			if !t.Failed() {
				record(t, "apply --for, ended by "+way, "as if nothing had been", "as if nothing had been")
			}
		})
	}
}
